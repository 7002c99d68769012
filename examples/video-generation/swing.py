"""First stage: lets a double pendulum swing, and writes where its two weights are in each picture.

Both rods are 1 m long and both weights 1 kg. Angles are in radians from straight down.
"""

import argparse
import math
from typing import Iterator, List, Tuple

GRAVITY = 9.81
PICTURES_PER_SECOND = 25
STEPS_PER_PICTURE = 40

State = Tuple[float, float, float, float]
"""Upper angle, lower angle, and how fast each grows."""


def change(state: State) -> State:
    """What the state grows by in a second, by Lagrange's equations."""
    upper, lower, upper_speed, lower_speed = state
    apart = upper - lower
    divisor = 3 - math.cos(2 * apart)
    upper_growth = (
        -3 * GRAVITY * math.sin(upper)
        - GRAVITY * math.sin(upper - 2 * lower)
        - 2 * math.sin(apart) * (lower_speed**2 + upper_speed**2 * math.cos(apart))
    ) / divisor
    lower_growth = (
        2 * math.sin(apart) * (2 * upper_speed**2 + 2 * GRAVITY * math.cos(upper) + lower_speed**2 * math.cos(apart))
    ) / divisor
    return upper_speed, lower_speed, upper_growth, lower_growth


def step(state: State, seconds: float) -> State:
    """The state a moment later, by the method of Runge and Kutta."""

    def moved(by: State, factor: float) -> State:
        a, b, c, d = (value + factor * growth for value, growth in zip(state, by))
        return a, b, c, d

    first = change(state)
    second = change(moved(first, seconds / 2))
    third = change(moved(second, seconds / 2))
    fourth = change(moved(third, seconds))
    mean = [(p + 2 * q + 2 * r + s) / 6 for p, q, r, s in zip(first, second, third, fourth)]
    return moved((mean[0], mean[1], mean[2], mean[3]), seconds)


def energy(state: State) -> float:
    """Joules; it stays the same while it swings."""
    upper, lower, upper_speed, lower_speed = state
    kinetic = upper_speed**2 + lower_speed**2 / 2 + upper_speed * lower_speed * math.cos(upper - lower)
    return kinetic - GRAVITY * (2 * math.cos(upper) + math.cos(lower))


def swing(frames: int, state: State = (2.0, 2.6, 0.0, 0.0)) -> Iterator[State]:
    for _ in range(frames):
        yield state
        for _ in range(STEPS_PER_PICTURE):
            state = step(state, 1 / (PICTURES_PER_SECOND * STEPS_PER_PICTURE))


def places(state: State) -> List[float]:
    """x and y of both weights in metres, y downwards, from where the pendulum hangs."""
    x, y = math.sin(state[0]), math.cos(state[0])
    return [x, y, x + math.sin(state[1]), y + math.cos(state[1])]


def main() -> None:
    parser = argparse.ArgumentParser(description="Let a double pendulum swing.")
    parser.add_argument("path", help="file to write: a line x1,y1,x2,y2 per picture")
    parser.add_argument("--frames", type=int, default=120, help="how many pictures (default: %(default)s)")
    options = parser.parse_args()
    if not 1 <= options.frames <= 10_000:
        parser.error("--frames must be 1 to 10000")
    with open(options.path, "w", encoding="utf-8") as file:
        for state in swing(options.frames):
            file.write(",".join(f"{value:.6f}" for value in places(state)) + "\n")
    print(f"{options.frames} pictures, {options.frames / PICTURES_PER_SECOND:.1f} s of swinging")


if __name__ == "__main__":
    main()
