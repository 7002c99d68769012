"""Tests of the example: run `pytest` in this folder."""

from __future__ import annotations

import io
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

import checkpoint
from checkpoint import load_model, save_model
from errors import UserError
from model import CharRnn
from numerics import np
from sample import draw
from text import MAX_CHARACTERS, UNKNOWN, Vocabulary, read_text
from training import Adam, learning_rate_at, text_windows

HERE = Path(__file__).parent
WORDS = ["the", "emperor", "rode", "slowly", "over", "a", "frozen", "bridge", "and", "nobody", "followed"]
DEADLINE_SECONDS = 60


def made_text(characters: int = 40_000) -> str:
    random = np.random.default_rng(7)
    lines = (" ".join(random.choice(WORDS, size=10)) + ".\n" for _ in iter(int, 1))
    text = ""
    while len(text) < characters:
        text += next(lines)
    return text


def arguments_of(script: str, *options: str) -> list[str]:
    return [sys.executable, str(HERE / script), *options]


def run(folder: Path, script: str, *options: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        arguments_of(script, *options),
        cwd=folder,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


def losses_of(output: bytes) -> list[float]:
    return [float(loss) for loss in re.findall(rb"^step \d+  loss (\S+)  [\d,]+ chars/s$", output, re.MULTILINE)]


SMALL = ["--hidden=32", "--batch=16", "--sequence=24"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "input.txt").write_text(made_text(), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that has learnt the made text; tests must not change it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "data").mkdir()
    (folder / "data" / "input.txt").write_text(made_text(), encoding="utf-8")
    result = run(folder, "train.py", *SMALL, "--steps=300")
    assert result.returncode == 0, result.stderr
    return folder


class TestNetwork:
    def test_the_gradient_is_the_slope_of_the_loss(self) -> None:
        random = np.random.default_rng(3)
        model = CharRnn(vocabulary_size=7, hidden_size=5, dtype=np.float64)
        model.weights[:] = random.standard_normal(len(model.weights)) * 0.5
        inputs, targets = random.integers(7, size=(6, 4)), random.integers(7, size=(6, 4))
        state = random.standard_normal((4, 5))
        gradient = model.loss_and_gradient(inputs, targets, state)[1].copy()

        def loss_with(index: int, change: float) -> float:
            kept = model.weights[index]
            model.weights[index] = kept + change
            loss = model.loss_and_gradient(inputs, targets, state)[0]
            model.weights[index] = kept
            return loss

        step = 1e-5
        slopes = [(loss_with(i, step) - loss_with(i, -step)) / (2 * step) for i in range(len(model.weights))]
        for name, part in model.named_views(np.array(slopes)).items():
            assert np.abs(part).max() > 1e-4, f"{name} does not act on the loss, so that nothing is compared"
            np.testing.assert_allclose(model.named_views(gradient)[name], part, atol=1e-8, err_msg=name)

    def test_reading_one_by_one_gives_the_loss_of_a_window(self) -> None:
        random = np.random.default_rng(4)
        model = CharRnn(vocabulary_size=9, hidden_size=8, dtype=np.float64)
        model.initialise(random)
        inputs, targets = random.integers(9, size=(10, 2)), random.integers(9, size=(10, 2))
        state = model.initial_state(2)
        losses = []
        for characters, wanted in zip(inputs, targets):
            logits, state = model.advance(characters, state)
            chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            losses.append(-np.log(chances[[0, 1], wanted]).mean())
        loss, _, last_state = model.loss_and_gradient(inputs, targets, model.initial_state(2))
        assert loss == pytest.approx(np.mean(losses))
        np.testing.assert_allclose(last_state, state)

    def test_huge_weights_give_finite_results(self) -> None:
        model = CharRnn(vocabulary_size=5, hidden_size=4)
        model.weights[:] = 1e6
        model.parameters["output"][:, 0] = -1e6
        numbers = np.zeros((3, 2), dtype=int)
        with np.errstate(all="raise", under="ignore"):
            loss, gradient, _ = model.loss_and_gradient(numbers, numbers, model.initial_state(2))
        assert np.isfinite(loss) and np.isfinite(gradient).all()


class TestTraining:
    def test_windows_continue_each_stream_and_begin_anew_at_its_end(self) -> None:
        windows = text_windows(np.arange(100), batch=3, length=8, random=np.random.default_rng(0))
        taken = [next(windows) for _ in range(9)]
        # 33 characters per stream hold four windows of 8 with one more character as the last target.
        assert [fresh for _, _, fresh in taken] == [True, False, False, False] * 2 + [True]
        for inputs, targets, _ in taken:
            assert inputs.shape == targets.shape == (8, 3)
            np.testing.assert_array_equal((inputs + 1) % 100, targets)
        for (_, targets, _), (inputs, _, fresh) in zip(taken, taken[1:]):
            assert fresh or (inputs[0] == targets[-1]).all()

    def test_a_short_text_makes_a_smaller_batch_and_a_shorter_one_is_refused(self) -> None:
        random = np.random.default_rng(0)
        assert next(text_windows(np.arange(9), batch=32, length=8, random=random))[0].shape == (8, 1)
        assert next(text_windows(np.arange(18), batch=32, length=8, random=random))[0].shape == (8, 2)
        with pytest.raises(UserError, match="has 8 characters; it needs more than the 8"):
            next(text_windows(np.arange(8), batch=32, length=8, random=random))

    def test_adam_finds_the_lowest_point(self) -> None:
        weights = np.array([5.0, -3.0])
        adam = Adam(weights)
        for _ in range(500):
            adam.step(2 * (weights - [1.0, 2.0]) * [1.0, 50.0], 0.05)
        np.testing.assert_allclose(weights, [1.0, 2.0], atol=0.01)

    def test_adam_refuses_a_gradient_that_is_not_finite(self) -> None:
        weights = np.array([1.0])
        with pytest.raises(UserError, match="step 1; try a smaller --learning_rate"):
            Adam(weights).step(np.array([np.nan]), 0.1)
        assert weights == [1.0]

    def test_the_learning_rate_rises_and_then_falls_to_a_tenth(self) -> None:
        assert learning_rate_at(1.0, step=1, progress=0.0) == pytest.approx(0.05)
        assert learning_rate_at(1.0, step=20, progress=0.0) == 1.0
        assert learning_rate_at(1.0, step=500, progress=0.5) == pytest.approx(0.55)
        assert learning_rate_at(1.0, step=900, progress=1.5) == pytest.approx(0.1)


class TestText:
    def test_line_ends_and_byte_order_mark_vanish(self, tmp_path: Path) -> None:
        (tmp_path / "input.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
        assert read_text(tmp_path) == "one\ntwo\nthree\n"

    def test_a_vast_text_is_read_in_part(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert MAX_CHARACTERS > 3_000_000
        monkeypatch.setattr("text.MAX_CHARACTERS", 5)
        (tmp_path / "input.txt").write_text("ééééééé", encoding="utf-8")
        assert read_text(tmp_path) == "ééééé"

    def test_the_most_frequent_characters_are_kept_and_the_rest_is_unknown(self) -> None:
        vocabulary = Vocabulary.of_text("aaaa🦀🦀🦀 bc", limit=4)
        assert (vocabulary.characters, len(vocabulary)) == ("a🦀 ", 4)
        assert vocabulary.encode("a🦀 bж\udc80\U0010ffff").tolist() == [1, 2, 3, 0, 0, 0, 0]
        assert [vocabulary.decode(number) for number in range(4)] == ["\ufffd", "a", "🦀", " "]

    def test_control_characters_are_never_learnt(self) -> None:
        assert Vocabulary.of_text("\x1b\x1b\x1b\x00\x7f\x9b\n\n\tab", limit=50).characters == "\n\tab"
        with pytest.raises(UserError, match="nothing but control characters"):
            Vocabulary.of_text("\x00\x01\x02", limit=50)


class TestCheckpoint:
    def make(self, folder: Path) -> tuple[CharRnn, Vocabulary]:
        vocabulary = Vocabulary("\n ab🦀")
        model = CharRnn(len(vocabulary), 4)
        model.initialise(np.random.default_rng(1))
        save_model(folder, model, vocabulary)
        return model, vocabulary

    def test_a_model_comes_back_as_it_was(self, tmp_path: Path) -> None:
        model, vocabulary = self.make(tmp_path)
        loaded, loaded_vocabulary = load_model(tmp_path)
        np.testing.assert_array_equal(loaded.weights, model.weights)
        assert loaded_vocabulary.characters == vocabulary.characters
        assert os.listdir(tmp_path) == ["model.npz"]

    def test_a_failed_save_leaves_the_old_model_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model, vocabulary = self.make(tmp_path)
        before = (tmp_path / "model.npz").read_bytes()

        def full_disk(file: io.BufferedWriter, **_: np.ndarray) -> None:
            file.write(b"half a mod")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(checkpoint.np, "savez", full_disk)
        with pytest.raises(UserError, match="cannot save the model as .*model.npz: No space left on device"):
            save_model(tmp_path, model, vocabulary)
        assert (tmp_path / "model.npz").read_bytes() == before
        assert os.listdir(tmp_path) == ["model.npz"]

    def test_weights_that_are_not_finite_are_not_saved(self, tmp_path: Path) -> None:
        model, vocabulary = self.make(tmp_path)
        before = (tmp_path / "model.npz").read_bytes()
        model.weights[3] = np.inf
        with pytest.raises(UserError, match="is left as it was; try a smaller --learning_rate"):
            save_model(tmp_path, model, vocabulary)
        assert (tmp_path / "model.npz").read_bytes() == before

    def test_whoever_reads_the_old_model_meanwhile_reads_it_whole(self, tmp_path: Path) -> None:
        model, vocabulary = self.make(tmp_path)
        before = (tmp_path / "model.npz").read_bytes()
        with (tmp_path / "model.npz").open("rb") as reader:
            model.weights += 1
            save_model(tmp_path, model, vocabulary)
            assert reader.read() == before
        assert (tmp_path / "model.npz").read_bytes() != before

    @pytest.mark.parametrize("size", [0, 1, 100, -1, -200])
    def test_a_cut_file_is_refused(self, tmp_path: Path, size: int) -> None:
        self.make(tmp_path)
        path = tmp_path / "model.npz"
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(UserError, match="is not a model of this program"):
            load_model(tmp_path)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("format", np.array(2), "its format is 2, not 1"),
            ("format", np.array([1, 1]), "."),
            ("characters", np.array([10, 2**32 - 1], dtype=np.uint32), "."),
            ("characters", np.array([10, 27, 97, 98, 99], dtype=np.uint32), "control characters"),
            ("characters", np.array(["a", "b"]), "."),
            ("recurrent", np.array(1.0), "."),
            ("recurrent", np.zeros((4, 11)), r"recurrent has the shape \(4, 11\), not \(4, 12\)"),
            ("output", np.full((4, 6), np.nan), "output holds something else than finite numbers"),
            ("output", np.zeros((4, 6), dtype=complex), "output holds something else than finite numbers"),
            ("output", np.array([{}], dtype=object), "."),
            ("input", None, "input"),
        ],
    )
    def test_an_altered_file_is_refused(
        self, tmp_path: Path, name: str, value: np.ndarray | None, message: str
    ) -> None:
        self.make(tmp_path)
        with np.load(tmp_path / "model.npz") as arrays:
            contents = {**arrays, name: value}
        np.savez(tmp_path / "model.npz", **{key: array for key, array in contents.items() if array is not None})
        with pytest.raises(UserError, match=rf"is not a model of this program \(.*{message}"):
            load_model(tmp_path)

    def test_a_lone_array_is_refused(self, tmp_path: Path) -> None:
        with (tmp_path / "model.npz").open("wb") as file:
            np.save(file, np.zeros(3))
        with pytest.raises(UserError, match="is not a model of this program"):
            load_model(tmp_path)


class TestTrainProgram:
    def test_it_learns_the_words_of_the_text(self, trained: Path) -> None:
        result = run(trained, "sample.py", "-n", "2000", "--seed=1", "--temperature=0.5")
        words = re.findall(r"[a-z]+", result.stdout.decode())
        known = sum(word in WORDS for word in words)
        assert len(words) > 200 and known > 0.8 * len(words), result.stdout.decode()

    def test_the_loss_falls_within_the_given_time(self, folder: Path) -> None:
        started = time.monotonic()
        result = run(folder, "train.py", *SMALL, "--seconds=2", "--report_seconds=0.1")
        assert (result.returncode, result.stderr) == (0, b"")
        assert time.monotonic() - started < 30
        losses = losses_of(result.stdout)
        assert len(losses) >= 3
        assert losses[0] == pytest.approx(np.log(21), abs=0.5)
        assert losses[-1] < 0.75 * losses[0], losses
        assert re.search(rb"^saved save/model.npz after \d+ steps in \d+\.\d s$", result.stdout, re.MULTILINE)
        assert os.listdir(folder / "save") == ["model.npz"]

    def test_the_same_seed_gives_the_same_model_and_another_seed_another(self, folder: Path) -> None:
        weights = []
        for number, seed in enumerate([5, 5, 6]):
            result = run(folder, "train.py", *SMALL, "--steps=20", f"--seed={seed}", f"--save_dir=save{number}")
            assert result.returncode == 0, result.stderr
            weights.append(load_model(folder / f"save{number}")[0].weights)
        np.testing.assert_array_equal(weights[0], weights[1])
        assert not np.array_equal(weights[0], weights[2])

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_a_signal_saves_the_model_and_ends_the_training(self, folder: Path, number: int, code: int) -> None:
        with subprocess.Popen(
            arguments_of("train.py", *SMALL, "--seconds=600", "--checkpoint_seconds=600"),
            cwd=folder,
            stdout=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        ) as process:
            impatience = threading.Timer(DEADLINE_SECONDS, process.kill)
            impatience.start()
            try:
                assert process.stdout is not None
                # The line comes through a pipe while the program goes on: it is flushed.
                line = b""
                while not line.startswith(b"step 1 "):
                    line = process.stdout.readline()
                    assert line, "the training ended early"
                assert not (folder / "save" / "model.npz").exists()
                process.send_signal(number)
                assert process.wait(DEADLINE_SECONDS) == code
                assert b"saved save/model.npz" in process.stdout.read()
            finally:
                impatience.cancel()
                process.kill()
        assert run(folder, "sample.py", "-n", "10").returncode == 0

    def test_a_killed_training_leaves_its_last_checkpoint(self, folder: Path) -> None:
        with subprocess.Popen(
            arguments_of("train.py", *SMALL, "--seconds=600", "--checkpoint_seconds=0.001"),
            cwd=folder,
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                deadline = time.monotonic() + DEADLINE_SECONDS
                while not (folder / "save" / "model.npz").exists():
                    assert process.poll() is None and time.monotonic() < deadline
                    time.sleep(0.01)
            finally:
                process.kill()
        assert run(folder, "sample.py", "-n", "10").returncode == 0

    def test_a_training_that_comes_apart_keeps_the_old_model(self, folder: Path) -> None:
        assert run(folder, "train.py", *SMALL, "--steps=2").returncode == 0
        before = (folder / "save" / "model.npz").read_bytes()
        result = run(folder, "train.py", *SMALL, "--steps=50", "--learning_rate=1e38")
        assert result.returncode == 2
        assert re.fullmatch(rb"error: the training came apart .*smaller --learning_rate\n", result.stderr)
        assert (folder / "save" / "model.npz").read_bytes() == before

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "there is no data/input.txt"),
            (b"", "data/input.txt is empty"),
            (b"\xef\xbb\xbf \r\n \n", "data/input.txt is empty"),
            (b"too short", "the text has 9 characters; it needs more than the 32"),
            (b"caf\xe9 " * 100, "data/input.txt is not UTF-8 text"),
            (b"\x00" * 1000, "nothing but control characters"),
        ],
    )
    def test_a_useless_text_is_refused_in_one_line(self, folder: Path, content: bytes | None, message: str) -> None:
        path = folder / "data" / "input.txt"
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        result = run(folder, "train.py", "--seconds=2")
        assert result.returncode == 2
        assert result.stderr.startswith(b"error: ") and result.stderr.count(b"\n") == 1
        assert message in result.stderr.decode()

    def test_folders_of_the_wrong_kind_are_refused_in_one_line(self, folder: Path) -> None:
        (folder / "save").write_text("not a folder")
        result = run(folder, "train.py", "--seconds=2")
        assert (result.returncode, result.stderr.count(b"\n")) == (2, 1)
        assert b"cannot write into the folder save: " in result.stderr
        (folder / "data" / "input.txt").unlink()
        (folder / "data" / "input.txt").mkdir()
        result = run(folder, "train.py", "--seconds=2")
        assert (result.returncode, result.stderr) == (2, b"error: cannot read data/input.txt: Is a directory\n")

    @pytest.mark.parametrize("option", ["--seconds=0", "--seconds=nan", "--steps=0", "--hidden=-1", "--batch=x"])
    def test_senseless_options_are_refused(self, folder: Path, option: str) -> None:
        result = run(folder, "train.py", option)
        assert result.returncode == 2
        assert b"is not a " in result.stderr and b"Traceback" not in result.stderr

    def test_unusual_characters_are_learnt_and_rare_ones_folded(self, folder: Path) -> None:
        text = "".join(chr(0x4E00 + i) for i in range(500)) + "наївна 🦀 \u202e\x1b[31m\x00" * 400
        (folder / "data" / "input.txt").write_text(text, encoding="utf-8")
        result = run(folder, "train.py", *SMALL, "--steps=30", "--vocabulary=14")
        assert result.returncode == 0, result.stderr
        assert b", 14 in the vocabulary" in result.stdout
        # The machine's language settings must not matter.
        sampled = run(folder, "sample.py", "--seed=1", LC_ALL="C", PYTHONIOENCODING="ascii")
        assert sampled.returncode == 0, sampled.stderr
        assert len(sampled.stdout.decode("utf-8")) == 501
        assert set(sampled.stdout.decode("utf-8")) <= set(text) - set("\x1b\x00") | {"\n"}


class TestSampleProgram:
    def test_it_continues_the_prime_for_the_given_length(self, trained: Path) -> None:
        result = run(trained, "sample.py", "--length=40", "--prime=the emp€ror ")
        assert (result.returncode, result.stderr) == (0, b"")
        text = result.stdout.decode()
        assert text.startswith("the emp€ror ")
        assert len(text) == len("the emp€ror ") + 40 + 1

    def test_the_same_seed_gives_the_same_text(self, trained: Path) -> None:
        first, second, other = (run(trained, "sample.py", f"--seed={seed}").stdout for seed in (1, 1, 2))
        assert first == second != other

    def test_a_missing_or_broken_model_is_refused_in_one_line(self, tmp_path: Path) -> None:
        result = run(tmp_path, "sample.py")
        assert result.returncode == 2
        assert result.stderr.startswith(b"error: there is no model save/model.npz; run train.py first")
        (tmp_path / "save").mkdir()
        (tmp_path / "save" / "model.npz").write_bytes(b"PK\x03\x04 no more than a beginning")
        result = run(tmp_path, "sample.py")
        assert (result.returncode, result.stderr.count(b"\n")) == (2, 1)
        assert result.stderr.startswith(b"error: save/model.npz is not a model of this program (")

    @pytest.mark.parametrize("option", ["--length=0", "--temperature=0", "--temperature=inf", "--seed=-1"])
    def test_senseless_options_are_refused(self, trained: Path, option: str) -> None:
        result = run(trained, "sample.py", option)
        assert result.returncode == 2
        assert b"is not a " in result.stderr and b"Traceback" not in result.stderr

    def test_a_reader_that_leaves_is_no_error(self, trained: Path) -> None:
        with subprocess.Popen(
            arguments_of("sample.py", "--length=10000000"), cwd=trained, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                assert process.stdout is not None and process.stderr is not None
                assert process.stdout.read(1)
                process.stdout.close()
                assert process.wait(DEADLINE_SECONDS) == 0
                assert process.stderr.read() == b""
            finally:
                process.kill()

    @pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1e300])
    def test_any_temperature_draws_a_known_character(self, temperature: float) -> None:
        random = np.random.default_rng(0)
        logits = np.array([50.0, 1.0, 3.0, -2.0], dtype=np.float32)
        drawn = {draw(logits, temperature, random) for _ in range(200)}
        assert UNKNOWN not in drawn
        assert drawn == ({1, 2, 3} if temperature > 1 else {2})


class FakeRun:
    def __init__(self, number: int, request: dict, status: str) -> None:
        self.id, self.request, self.status, self._end = number, request, "machine_requested", status

    def wait_status(self, *statuses: str) -> None:
        assert self._end in statuses

    def refresh(self) -> None:
        self.status = self._end

    def logs(self) -> list:
        entry = types.SimpleNamespace
        return [entry(status="building", status_event=True), entry(status="running", status_event=True), UserLine()]


class UserLine:
    status, status_event = "running", None

    def __str__(self) -> str:
        return "a line of the sample"


class FakeRuns:
    COMPLETE, RUNNING, FINAL = "complete", "running", ("complete", "failed")

    def __init__(self, ends: list[str]) -> None:
        self.ends, self.made = ends, []

    def new(self, **request: object) -> FakeRun:
        self.made.append(FakeRun(31 + len(self.made), request, self.ends[len(self.made)]))
        return self.made[-1]


class TestWorkflowScript:
    @pytest.fixture
    def start(self, monkeypatch: pytest.MonkeyPatch):
        def start(ends: list[str]) -> FakeRuns:
            runs = FakeRuns(ends)
            package, module = types.ModuleType("spell"), types.ModuleType("spell.client")
            package.client = module
            module.from_environment = lambda: types.SimpleNamespace(runs=runs)
            monkeypatch.setitem(sys.modules, "spell", package)
            monkeypatch.setitem(sys.modules, "spell.client", module)
            self.runs = runs
            runpy.run_path(str(HERE / "workflow.py"))
            return runs

        return start

    def test_each_run_mounts_what_the_one_before_wrote(self, start, monkeypatch, capsys) -> None:
        monkeypatch.setenv("TEXT_URL", "http://host/a b'c;d")
        monkeypatch.setenv("MACHINE_TYPE", "V100")
        monkeypatch.setenv("TRAIN_SECONDS", "2.5")
        download, training, sampling = (made.request for made in start(["complete"] * 3).made)
        assert shlex.split(download["command"])[:6] == ["wget", "-nv", "-O", "input.txt", "http://host/a b'c;d", "||"]
        assert set(download) == {"command", "description"}
        assert training["command"] == "python train.py --data_dir=/data --seconds=2.5"
        assert training["attached_resources"] == {"runs/31/input.txt": "/data/input.txt"}
        assert sampling["attached_resources"] == {"runs/32/save": "save"}
        assert {r["machine_type"] for r in (training, sampling)} == {"V100"}
        assert {r["commit_label"] for r in (training, sampling)} == {"char-rnn"}
        assert capsys.readouterr().out.splitlines() == [
            "download: run 31",
            "train: run 32",
            "sample: run 33",
            "a line of the sample",
        ]

    @pytest.mark.parametrize("programs", [["wget", "curl"], ["curl"], []])
    def test_the_text_is_fetched_with_what_the_machine_has(self, start, monkeypatch, tmp_path, programs) -> None:
        source = tmp_path / "a b'c;d.txt"
        source.write_text("words")
        monkeypatch.setenv("TEXT_URL", source.as_uri())
        command = start(["complete"] * 3).made[0].request["command"]
        tools, home = tmp_path / "bin", tmp_path / "home"
        tools.mkdir(), home.mkdir()
        (tools / "python").symlink_to(sys.executable)
        for name in programs:
            (tools / name).write_text(f"#!/bin/sh\necho {name} >used\nprintf words >input.txt\n")
            (tools / name).chmod(0o755)
        subprocess.run(["/bin/sh", "-c", command], cwd=home, env={"PATH": str(tools)}, check=True)
        assert (home / "input.txt").read_text() == "words"
        used = (home / "used").read_text().split() if programs else []
        assert used == programs[:1]

    def test_a_text_that_cannot_be_fetched_fails_the_run(self, start, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("TEXT_URL", (tmp_path / "missing.txt").as_uri())
        command = start(["complete"] * 3).made[0].request["command"]
        assert subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True).returncode != 0

    def test_a_failed_run_ends_the_workflow(self, start, monkeypatch) -> None:
        monkeypatch.delenv("TEXT_URL", raising=False)
        with pytest.raises(SystemExit, match="train: run 32 ended as failed; see `spell logs 32`"):
            start(["complete", "failed", "complete"])
        assert len(self.runs.made) == 2
