"""Third stage: lets what moves leave a trail, by keeping in each picture a part of the one before."""

import argparse
from typing import Iterable, Iterator, Optional

from pictures import Picture, read_pictures, write_picture

STAYS = 0.86
"""How much of a pixel's brightness is left a picture later."""

_FADED = bytes(int(brightness * STAYS) for brightness in range(256))


def glow(pictures: Iterable[Picture]) -> Iterator[Picture]:
    trail: Optional[bytes] = None
    for width, height, pixels in pictures:
        if trail is not None and len(trail) != len(pixels):
            raise SystemExit("error: the pictures are not all of one size")
        faded = bytes(len(pixels)) if trail is None else trail.translate(_FADED)
        bright = bytearray(map(max, pixels, faded))
        trail = bytes(bright)
        yield Picture(width, height, bright)


def main() -> None:
    parser = argparse.ArgumentParser(description="Let pictures glow.")
    parser.add_argument("source", help="folder of the pictures")
    parser.add_argument("folder", help="where to write the glowing ones")
    options = parser.parse_args()
    count = 0
    for picture in glow(read_pictures(options.source)):
        write_picture(options.folder, count, picture)
        count += 1
    print(f"{count} pictures glow")


if __name__ == "__main__":
    main()
