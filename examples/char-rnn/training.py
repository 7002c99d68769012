"""The parts of training that know nothing of files, clocks and signals: windows of text, and the optimiser."""

from __future__ import annotations

import math
from typing import Iterator, Tuple

from errors import UserError
from numerics import np


def text_windows(
    numbers: np.ndarray, batch: int, length: int, random: np.random.Generator
) -> Iterator[Tuple[np.ndarray, np.ndarray, bool]]:
    """Endless (inputs, targets, fresh), each (time, batch).

    The text is cut into one long stream per row of the batch, so that the state after a window is the state before
    the row's next window. `fresh` says that the streams begin anew: the state must be cleared. Each round through
    the text cuts it elsewhere. A text too short for the whole batch gets a smaller one.
    """
    if len(numbers) < length + 1:
        raise UserError(
            f"the text has {len(numbers)} characters; it needs more than the {length} of one window (--sequence)"
        )
    batch = min(batch, len(numbers) // (length + 1))
    stream_length = len(numbers) // batch
    while True:
        shifted = np.roll(numbers, -int(random.integers(len(numbers))))
        streams = shifted[: batch * stream_length].reshape(batch, stream_length).T
        for start in range(0, stream_length - length, length):
            yield streams[start : start + length], streams[start + 1 : start + length + 1], start == 0


class Adam:
    """The Adam optimiser with a limit on the gradient's norm: one odd passage must not undo what was learnt."""

    FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.99, 1e-8
    MAX_NORM = 1.0

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights
        self.first, self.second = np.zeros_like(weights), np.zeros_like(weights)
        self._scratch = np.empty_like(weights)
        self.steps = 0

    def step(self, gradient: np.ndarray, learning_rate: float) -> None:
        """Changes the weights in place. Overwrites `gradient`. Refuses a gradient that is not finite."""
        self.steps += 1
        norm = math.sqrt(float(np.dot(gradient, gradient)))
        if not math.isfinite(norm):
            raise UserError(f"the training came apart at step {self.steps}; try a smaller --learning_rate")
        if norm > self.MAX_NORM:
            gradient *= self.MAX_NORM / norm
        scratch = self._scratch
        # first = FIRST_DECAY * first + (1 - FIRST_DECAY) * gradient, and second likewise with the gradient's square.
        np.multiply(gradient, 1 - self.FIRST_DECAY, out=scratch)
        self.first *= self.FIRST_DECAY
        self.first += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1 - self.SECOND_DECAY
        self.second *= self.SECOND_DECAY
        self.second += scratch
        # Both averages start at zero; dividing by these takes that bias out again.
        first_share = 1 - self.FIRST_DECAY**self.steps
        second_share = 1 - self.SECOND_DECAY**self.steps
        np.divide(self.second, second_share, out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += self.EPSILON
        np.divide(self.first, scratch, out=scratch)
        scratch *= learning_rate / first_share
        self.weights -= scratch


def learning_rate_at(peak: float, step: int, progress: float) -> float:
    """Rises over the first steps, while Adam's averages settle, then falls along a cosine to a tenth of the peak.

    `step` counts from 1; `progress` is the finished share of the training, 0 to 1.
    """
    rise = min(1.0, step / 20)
    fall = 0.1 + 0.9 * (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return peak * rise * fall
