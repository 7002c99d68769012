"""Last stage: puts pictures together into a film, an animated GIF that every browser shows."""

import argparse
import struct
from typing import Iterable, List

from pictures import Picture, read_pictures

GREYS = 128
"""Colours of the film: black to white over a warm orange."""


def palette() -> bytes:
    colours = bytearray()
    for index in range(GREYS):
        part = index / (GREYS - 1)
        colours += bytes((round(255 * part**0.6), round(255 * part**1.2), round(255 * part**2.4)))
    return bytes(colours)


def film(pictures: Iterable[Picture], speed: int) -> bytes:
    """The file's contents: the head, the colours, "repeat for ever", the pictures, the end."""
    parts: List[bytes] = []
    size = (0, 0)
    for picture in pictures:
        if not parts:
            size = (picture.width, picture.height)
            parts.append(b"GIF89a" + struct.pack("<HHBBB", *size, 0xF0 | 6, 0, 0) + palette())
            parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
        if (picture.width, picture.height) != size:
            raise SystemExit("error: the pictures are not all of one size")
        parts.append(b"\x21\xf9\x04" + struct.pack("<BHBB", 0, max(2, round(100 / speed)), 0, 0))
        parts.append(b"\x2c" + struct.pack("<HHHHB", 0, 0, *size, 0))
        parts.append(packed(bytes(pixel * GREYS >> 8 for pixel in picture.pixels)))
    return b"".join(parts) + b"\x3b"


def packed(indices: bytes, bits: int = 7) -> bytes:
    """Indices of colours as GIF packs them: by LZW, in blocks of at most 255 bytes."""
    clear, end = 1 << bits, (1 << bits) + 1
    codes = {bytes([index]): index for index in range(clear)}
    width = bits + 1
    out, buffer, filled = bytearray(), clear, width
    following, known = end + 1, b""

    def put(code: int) -> None:
        nonlocal buffer, filled
        buffer |= code << filled
        filled += width
        while filled >= 8:
            out.append(buffer & 0xFF)
            buffer >>= 8
            filled -= 8

    for index in indices:
        longer = known + bytes([index])
        if longer in codes:
            known = longer
            continue
        put(codes[known])
        codes[longer] = following
        if following == 1 << width and width < 12:
            width += 1
        following += 1
        if following == 4096:
            put(clear)
            codes = {bytes([index]): index for index in range(clear)}
            width, following = bits + 1, end + 1
        known = bytes([index])
    if known:
        put(codes[known])
    put(end)
    if filled:
        out.append(buffer & 0xFF)
    blocks = [out[start : start + 255] for start in range(0, len(out), 255)]
    return bytes([bits]) + b"".join(bytes([len(block)]) + bytes(block) for block in blocks) + b"\x00"


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a film of pictures.")
    parser.add_argument("source", help="folder of the pictures")
    parser.add_argument("file", help="the film to write, such as film.gif")
    parser.add_argument("--speed", type=int, default=25, help="pictures per second (default: %(default)s)")
    options = parser.parse_args()
    if not 1 <= options.speed <= 50:
        parser.error("--speed must be 1 to 50")
    pictures = list(read_pictures(options.source))
    content = film(pictures, options.speed)
    with open(options.file, "wb") as file:
        file.write(content)
    print(f"{options.file}: {len(pictures)} pictures, {len(content)} bytes")


if __name__ == "__main__":
    main()
