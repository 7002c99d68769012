"""Grey pictures in files: binary PGM, one byte per pixel, numbered names."""

import os
from typing import Iterator, NamedTuple


class Picture(NamedTuple):
    width: int
    height: int
    pixels: bytearray
    """Row by row, 0 is black, 255 is white."""


def write_picture(folder: str, number: int, picture: Picture) -> None:
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{number:05}.pgm"), "wb") as file:
        file.write(b"P5\n%d %d\n255\n" % (picture.width, picture.height))
        file.write(picture.pixels)


def read_pictures(folder: str) -> Iterator[Picture]:
    """The pictures of a folder by their numbers."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(".pgm"))
    if not names:
        raise SystemExit(f"error: there is no picture (*.pgm) in {folder}")
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            yield read_picture(file.read(), name)


def read_picture(content: bytes, name: str) -> Picture:
    """Reads what `write_picture` writes."""
    head, _, pixels = content.partition(b"\n255\n")
    words = head.split()
    if len(words) != 3 or words[0] != b"P5" or not (words[1] + words[2]).isdigit():
        raise SystemExit(f"error: {name} is no PGM picture")
    width, height = int(words[1]), int(words[2])
    if len(pixels) != width * height:
        raise SystemExit(f"error: {name} should have {width * height} pixels and has {len(pixels)}")
    return Picture(width, height, bytearray(pixels))
