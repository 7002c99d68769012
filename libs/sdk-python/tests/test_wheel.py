"""The wheel: what is in it, and that it works by itself in a clean environment of each Python at hand."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

PACKAGE_ROOT = Path(__file__).parent.parent
OLDEST = (3, 8)

Version = Tuple[int, int]

SMOKE = """
import importlib.metadata, sys, tempfile
import spell, spell.client, spell.metrics, spell.api.models, spell.api.exceptions, spell.cli.commands.ps
assert spell.__file__.startswith(sys.prefix), spell.__file__
assert importlib.metadata.version("spell") == spell.__version__
sys.path.append(sys.argv[1])
from fake_spell import entry, fake_spell, finished, run_json, says, says_tar, streams, tar_of
with fake_spell() as server:
    server.on("POST", "runs/ada", says({"run": run_json(7)}))
    server.on("POST", "runs/ada/7/wait_status", streams({"connected": True}, {"success": True}))
    server.on("POST", "runs/ada/7/logs", streams(entry(0, "hello"), finished(1)))
    server.on("GET", "resources/ada/cp/runs/7", says_tar(tar_of(("f", b"F"))))
    server.on("GET", "resources/ada/ls/runs/7", streams({"path": "f", "size": 1}))
    server.on("POST", "runs/ada/hyper_search", says({"hyper_search": {"id": 3, "runs": [run_json(8)]}}))
    server.on("GET", "model/ada", says({"models": []}))
    point = ["2024-01-31T12:00:00Z", 0, 1.5]
    server.on("POST", "runs/ada/7/user-metrics", streams({"metrics_by_run": {"7": {"loss": {"data": [point]}}}}))
    client = spell.client.SpellClient("secret", base_url=server.url, owner="ada")
    run = client.runs.new(command="echo hi")
    run.wait_status(*client.runs.FINAL)
    assert [str(line) for line in run.logs(follow=True)] == ["hello"]
    with tempfile.TemporaryDirectory() as folder:
        run.cp("", folder)
        assert open(folder + "/f", "rb").read() == b"F"
    assert [line.path for line in client.resources.ls("runs/7")] == ["f"]
    assert [value for _, _, value in run.metrics("loss")] == [1.5]
    search = client.hyper.new_grid_search({"a": spell.client.ValueSpec([1])}, command="echo :a:")
    assert [run.id for run in search.runs] == [8]
    assert client.models.list() == []
    client.close()
print("works", *sys.version_info[:2])
"""


def interpreters() -> Dict[Version, str]:
    """This Python, and the oldest and the newest others that can make environments."""
    names = [f"python3.{minor}" for minor in range(OLDEST[1], 30)]
    others = [found for found in map(shutil.which, names) if found]
    others += map(str, Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    versions: Dict[Version, str] = {}
    for path in others:
        version = version_of(path)
        if version >= OLDEST:
            versions.setdefault(version, path)
    chosen = {version: versions[version] for version in sorted(versions)[:1] + sorted(versions)[-1:]}
    chosen[sys.version_info[0], sys.version_info[1]] = sys.executable
    return chosen


def version_of(path: str) -> Version:
    """(0, 0) of what cannot make environments."""
    ask = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    done = subprocess.run([path, "-I", "-c", ask], capture_output=True, text=True, timeout=30)
    words = done.stdout.split()
    return (int(words[0]), int(words[1])) if done.returncode == 0 and len(words) == 2 else (0, 0)


def run(*words: str, cwd: Path) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(PACKAGE_ROOT, source, ignore=shutil.ignore_patterns("__pycache__", ".*", "tests"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index", "--no-deps"]
    run(*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(source), cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_everything_is_in_it_and_nothing_else(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    files = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    here = [path.relative_to(PACKAGE_ROOT) for path in (PACKAGE_ROOT / "spell").rglob("*")]
    sources = {path for path in here if path.suffix in (".py", ".typed")}
    assert {path for path in files if not path.parts[0].endswith(".dist-info")} == sources
    assert Path("spell/py.typed") in sources


PYTHONS = sorted(interpreters().items())


@pytest.mark.parametrize(("version", "interpreter"), PYTHONS, ids=["{}.{}".format(*version) for version, _ in PYTHONS])
def test_it_works_in_a_clean_environment(wheel: Path, tmp_path: Path, version: Version, interpreter: str) -> None:
    run(interpreter, "-m", "venv", "env", cwd=tmp_path)
    python = str(tmp_path / "env" / "bin" / "python")
    run(
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--no-index",
        "--no-deps",
        str(wheel),
        cwd=tmp_path,
    )
    said = run(python, "-I", "-W", "error", "-c", SMOKE, str(Path(__file__).parent), cwd=tmp_path)
    assert said == f"works {version[0]} {version[1]}\n"


def test_types_are_strict(tmp_path: Path) -> None:
    said = run(sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), cwd=PACKAGE_ROOT)
    assert said.startswith("Success: no issues found")


def test_a_user_s_types_are_checked(tmp_path: Path) -> None:
    """The package's types reach those who check their own scripts."""
    lines: List[str] = [
        "import spell.client",
        "client = spell.client.from_environment()",
        "run = client.runs.new(command='x')",
        "reveal_type(client.hyper.get(3).runs)",
        "reveal_type(run.logs())",
        "client.runs.new(comand='x')",
    ]
    script = tmp_path / "script.py"
    script.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)]
    env = {"MYPYPATH": str(PACKAGE_ROOT)}
    said = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300).stdout
    assert "list[spell.client.runs.Run]" in said
    assert "Iterator[spell.api.models.runs.LogEntry]" in said
    assert 'Unexpected keyword argument "comand"' in said
