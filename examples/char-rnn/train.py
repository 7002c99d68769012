"""Teaches a character-level recurrent network to continue a text: `python train.py --data_dir=FOLDER`.

Reads FOLDER/input.txt, prints the loss now and then, and keeps the model in save/. Exit codes: 0 trained, 2 something
to put right (the message says what), 130 or 143 interrupted or terminated (the model is saved).
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from pathlib import Path
from typing import List, Optional

from checkpoint import prepare_folder, save_model
from errors import UserError
from model import CharRnn
from numerics import np
from options import fraction_above_zero, whole_number
from text import Vocabulary, read_text
from training import Adam, learning_rate_at, text_windows

DEFAULT_SECONDS = 25.0


def parse_options(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Teaches a character-level recurrent network to continue a text.")
    add = parser.add_argument
    add("--data_dir", "--data-dir", type=Path, default=Path("data"), help="folder of input.txt (default: data)")
    add("--save_dir", "--save-dir", type=Path, default=Path("save"), help="folder for the model (default: save)")
    add("--seconds", type=fraction_above_zero, help=f"training time (default: {DEFAULT_SECONDS:g}; none with --steps)")
    add("--steps", type=whole_number(1), help="number of training steps; with the same --seed the result is the same")
    add("--seed", type=whole_number(0), default=0, help="start of all random choices (default: 0)")
    add("--hidden", type=whole_number(1, 4096), default=128, help="units of the network (default: 128)")
    add("--batch", type=whole_number(1, 4096), default=32, help="pieces of text read at once (default: 32)")
    add("--sequence", type=whole_number(1, 4096), default=32, help="characters per piece and step (default: 32)")
    add("--vocabulary", type=whole_number(2, 65536), default=128, help="most characters to know (default: 128)")
    add("--learning_rate", "--learning-rate", type=fraction_above_zero, default=0.01, help="peak (default: 0.01)")
    add("--report_seconds", type=fraction_above_zero, default=1.0, help="time between reports (default: 1)")
    add("--checkpoint_seconds", type=fraction_above_zero, default=5.0, help="time between checkpoints (default: 5)")
    options = parser.parse_args(arguments)
    if options.seconds is None:
        options.seconds = math.inf if options.steps else DEFAULT_SECONDS
    return options


class StopRequest:
    """Remembers the first signal that asks for an end; the loop looks at it between steps, when all is consistent."""

    def __init__(self) -> None:
        self.signal: Optional[int] = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._remember)

    def _remember(self, number: int, _frame: object) -> None:
        self.signal = number


def train(options: argparse.Namespace, stop: StopRequest) -> int:
    text = read_text(options.data_dir)
    prepare_folder(options.save_dir)
    vocabulary = Vocabulary.of_text(text, options.vocabulary)
    random = np.random.default_rng(options.seed)
    model = CharRnn(len(vocabulary), options.hidden)
    model.initialise(random)
    windows = text_windows(vocabulary.encode(text), options.batch, options.sequence, random)
    say(
        f"{len(text):,} characters, {len(vocabulary)} in the vocabulary, {model.weights.size:,} weights; "
        f"knowing nothing is a loss of {math.log(len(vocabulary)):.2f}"
    )

    optimiser = Adam(model.weights)
    state = model.initial_state(1)
    started = reported = saved = time.monotonic()
    losses: List[float] = []
    characters_read = 0
    for step, (inputs, targets, fresh) in enumerate(windows, start=1):
        if fresh:
            state = model.initial_state(inputs.shape[1])
        progress = max((step - 1) / (options.steps or math.inf), (time.monotonic() - started) / options.seconds)
        loss, gradient, state = model.loss_and_gradient(inputs, targets, state)
        optimiser.step(gradient, learning_rate_at(options.learning_rate, step, progress))

        losses.append(loss)
        characters_read += inputs.size
        now = time.monotonic()
        is_last = step == options.steps or now - started >= options.seconds or stop.signal is not None
        if step == 1 or is_last or now - reported >= options.report_seconds:
            rate = characters_read / max(now - started, 1e-9)
            say(f"step {step}  loss {sum(losses) / len(losses):.3f}  {rate:,.0f} chars/s")
            losses.clear()
            reported = now
        if is_last or now - saved >= options.checkpoint_seconds:
            path = save_model(options.save_dir, model, vocabulary)
            saved = now
        if is_last:
            say(f"saved {path} after {step} steps in {now - started:.1f} s")
            break
    return 0 if stop.signal is None else 128 + stop.signal


def say(line: str) -> None:
    # Flushed at once: whoever follows the log of a run sees the line when it is true.
    print(line, flush=True)


def main(arguments: Optional[List[str]] = None) -> int:
    options = parse_options(arguments)
    stop = StopRequest()
    try:
        # Numbers that are no longer finite are noticed where they matter, with a message that helps.
        with np.errstate(over="ignore", invalid="ignore"):
            return train(options, stop)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("error: not enough memory; choose a smaller --hidden, --batch or --sequence", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
