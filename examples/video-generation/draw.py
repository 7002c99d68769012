"""Second stage: draws the pendulum, a picture per line of what `swing.py` wrote."""

import argparse
import math
from typing import List, Sequence

from pictures import Picture, write_picture

SIZE = 160
"""Width and height in pixels; the pendulum is 2 m long and hangs in the middle."""
PIXELS_PER_METRE = SIZE / 4.4


def draw(places: Sequence[float]) -> Picture:
    picture = Picture(SIZE, SIZE, bytearray(SIZE * SIZE))
    points = [SIZE / 2] * 2 + [SIZE / 2 + value * PIXELS_PER_METRE for value in places]
    draw_line(picture, points[0:4], 90)
    draw_line(picture, points[2:6], 90)
    draw_dot(picture, points[2:4], 3.5)
    draw_dot(picture, points[4:6], 4.5)
    return picture


def draw_line(picture: Picture, ends: Sequence[float], brightness: int) -> None:
    x0, y0, x1, y1 = ends
    steps = max(1, math.ceil(max(abs(x1 - x0), abs(y1 - y0)) * 2))
    for index in range(steps + 1):
        part = index / steps
        brighten(picture, round(x0 + (x1 - x0) * part), round(y0 + (y1 - y0) * part), brightness)


def draw_dot(picture: Picture, middle: Sequence[float], radius: float) -> None:
    """A disc whose edge is smooth: a pixel that it covers by half is half as bright."""
    x, y = middle
    for row in range(math.floor(y - radius), math.ceil(y + radius) + 1):
        for column in range(math.floor(x - radius), math.ceil(x + radius) + 1):
            covered = radius + 0.5 - math.hypot(column - x, row - y)
            brighten(picture, column, row, round(255 * min(1.0, max(0.0, covered))))


def brighten(picture: Picture, x: int, y: int, brightness: int) -> None:
    if 0 <= x < picture.width and 0 <= y < picture.height:
        at = y * picture.width + x
        picture.pixels[at] = max(picture.pixels[at], brightness)


def read_places(path: str) -> List[List[float]]:
    with open(path, encoding="utf-8") as file:
        lines = [[float(value) for value in line.split(",")] for line in file]
    if not lines or any(len(line) != 4 for line in lines):
        raise SystemExit(f"error: {path} must hold lines of four numbers, as swing.py writes them")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw a double pendulum.")
    parser.add_argument("path", help="file that swing.py wrote")
    parser.add_argument("folder", help="where to write the pictures")
    options = parser.parse_args()
    lines = read_places(options.path)
    for number, places in enumerate(lines):
        write_picture(options.folder, number, draw(places))
    print(f"{len(lines)} pictures drawn")


if __name__ == "__main__":
    main()
