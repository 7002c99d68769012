"""The training as it is started in a run, and that there is something to find."""

import subprocess
import sys
from pathlib import Path

import pytest
from train import Network, rings, train

HERE = Path(__file__).parent


def test_the_rings_lie_apart() -> None:
    for (x, y), kind in rings(100, 3):
        assert ((x * x + y * y) ** 0.5 > 1) == (kind == 1)


def test_learning_brings_the_output_closer() -> None:
    network = Network(3)
    before = network.forward((0.5, 0.5))[1]
    network.learn((0.5, 0.5), 1, 0.1)
    assert network.forward((0.5, 0.5))[1] > before


def test_a_good_rate_finds_the_rings_and_a_bad_one_does_not() -> None:
    assert train(0.5, 8)[-1] > 0.9
    assert train(0.001, 2)[-1] < 0.8


def test_the_same_parameters_give_the_same() -> None:
    assert train(0.1, 4) == train(0.1, 4)


@pytest.mark.parametrize("words", [["0.5", "8"]])
def test_as_a_command(words: "list[str]") -> None:
    command = [sys.executable, str(HERE / "train.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("accuracy 0.9") or done.stdout.startswith("accuracy 1.")
