"""Writes text the way the trained network would: `python sample.py`. Reads the model that train.py left in save/."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Iterator, List, Optional

from checkpoint import load_model
from errors import UserError
from model import CharRnn
from numerics import np
from options import fraction_above_zero, whole_number
from text import UNKNOWN, Vocabulary


def parse_options(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Writes text the way the trained network would.")
    add = parser.add_argument
    add("-n", "--length", type=whole_number(1, 10_000_000), default=500, help="characters to write (default: 500)")
    add("--prime", default="", help="text to continue (default: none)")
    add("--temperature", type=fraction_above_zero, default=0.6, help="lower is safer, higher bolder (default: 0.6)")
    add("--seed", type=whole_number(0), help="makes the result repeatable (default: a new one each time)")
    add("--save_dir", "--save-dir", type=Path, default=Path("save"), help="folder of the model (default: save)")
    return parser.parse_args(arguments)


def generate(
    model: CharRnn, vocabulary: Vocabulary, prime: str, temperature: float, random: np.random.Generator
) -> Iterator[str]:
    """The characters that follow `prime`, one by one, without end."""
    state = model.initial_state(1)
    # With nothing to continue, a text begins as after a line end.
    for number in vocabulary.encode(prime or "\n"):
        logits, state = model.advance(np.array([number]), state)
    while True:
        number = draw(logits[0], temperature, random)
        yield vocabulary.decode(number)
        logits, state = model.advance(np.array([number]), state)


def draw(logits: np.ndarray, temperature: float, random: np.random.Generator) -> int:
    """A character's number, by chance; never the one that stands for unknown characters."""
    scores = logits.astype(np.float64)
    scores[UNKNOWN] = -np.inf
    # Less the greatest before the division: a tiny temperature then gives -inf for all others, never inf.
    chances = np.exp((scores - scores.max()) / temperature)
    reach = np.cumsum(chances)
    return int(np.searchsorted(reach, random.random() * reach[-1], side="right"))


def main(arguments: Optional[List[str]] = None) -> int:
    options = parse_options(arguments)
    # The text is the text whatever the machine's language settings are.
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    try:
        model, vocabulary = load_model(options.save_dir)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    random = np.random.default_rng(options.seed)
    characters = generate(model, vocabulary, options.prime, options.temperature, random)
    try:
        sys.stdout.write(options.prime)
        for _ in range(options.length):
            character = next(characters)
            sys.stdout.write(character)
            if character == "\n":
                sys.stdout.flush()
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough. What is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
