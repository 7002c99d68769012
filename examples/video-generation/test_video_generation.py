"""The four stages one after the other, each as it is started in a run, and what each must keep to."""

import struct
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

import pytest
from draw import SIZE, draw
from film import film, packed
from glow import glow
from pictures import Picture, read_picture
from swing import energy, places, swing

HERE = Path(__file__).parent


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    script, *others = words
    command = [sys.executable, str(HERE / script), *others]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_the_energy_stays_the_same() -> None:
    energies = [energy(state) for state in swing(100)]
    assert max(energies) - min(energies) < 1e-3


def test_a_picture_shows_the_weights() -> None:
    picture = draw(places((0.0, 0.0, 0.0, 0.0)))
    bright = [at for at, pixel in enumerate(picture.pixels) if pixel == 255]
    assert bright
    # Straight down from the middle.
    assert {abs(at % SIZE - SIZE // 2) <= 5 and at // SIZE > SIZE // 2 for at in bright} == {True}


def test_what_has_moved_fades() -> None:
    first, second, third = glow(Picture(2, 1, bytearray(pixels)) for pixels in (b"\xff\x00", b"\x00\xff", b"\x00\x00"))
    assert (bytes(first.pixels), bytes(second.pixels), bytes(third.pixels)) == (b"\xff\x00", b"\xdb\xff", b"\xbc\xdb")


def unpacked(content: bytes) -> bytes:
    """What LZW packed, by a decoder of its own."""
    bits, at, data = content[0], 1, b""
    while content[at]:
        data += content[at + 1 : at + 1 + content[at]]
        at += 1 + content[at]
    number = int.from_bytes(data, "little")
    clear, end = 1 << bits, (1 << bits) + 1
    table: List[bytes] = []
    out, width, former = b"", bits + 1, b""
    while True:
        code = number & (1 << width) - 1
        number >>= width
        if code == end:
            return out
        if code == clear:
            table = [bytes([index]) for index in range(clear)] + [b"", b""]
            width, former = bits + 1, b""
            continue
        found = table[code] if code < len(table) else former + former[:1]
        out += found
        if former and len(table) < 4096:
            table.append(former + found[:1])
        if len(table) == 1 << width and width < 12:
            width += 1
        former = found


@pytest.mark.parametrize(
    "indices",
    [b"", b"\x05", b"\x00" * 5000, bytes(range(128)) * 3, bytes(index * index * 7 % 128 for index in range(60_000))],
)
def test_packing_loses_nothing(indices: bytes) -> None:
    assert unpacked(packed(indices)) == indices


def test_a_film_has_its_size_and_speed() -> None:
    content = film([Picture(3, 2, bytearray(b"\x00\x40\x80\xc0\xff\x01"))] * 2, speed=10)
    assert content[:6] == b"GIF89a"
    assert struct.unpack("<HH", content[6:10]) == (3, 2)
    assert content.count(b"\x21\xf9\x04\x00\x0a\x00") == 2
    assert content[-1:] == b"\x3b"


def test_all_stages(tmp_path: Path) -> None:
    stages: List[Tuple[Tuple[str, ...], str]] = [
        (("swing.py", "--frames", "5", "path.csv"), "5 pictures, 0.2 s of swinging\n"),
        (("draw.py", "path.csv", "drawn"), "5 pictures drawn\n"),
        (("glow.py", "drawn", "glowing"), "5 pictures glow\n"),
        (("film.py", "glowing", "film.gif"), "film.gif: 5 pictures, "),
    ]
    for words, said in stages:
        done = run(tmp_path, *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(said)
    assert len(list((tmp_path / "glowing").iterdir())) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("swing.py", "--frames", "0", "p"), "--frames must be 1 to 10000"),
        (("draw.py", "empty.csv", "drawn"), "must hold lines of four numbers"),
        (("glow.py", ".", "glowing"), "there is no picture"),
        (("film.py", "--speed", "99", ".", "f"), "--speed must be 1 to 50"),
    ],
)
def test_wrong_input_is_said(tmp_path: Path, words: Tuple[str, ...], message: str) -> None:
    (tmp_path / "empty.csv").write_text("")
    done = run(tmp_path, *words)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [b"", b"P5\n2 2\n255\nabc", b"P6\n1 1\n255\na", b"P5\nx 1\n255\na"])
def test_no_picture(content: bytes) -> None:
    with pytest.raises(SystemExit, match="error: a.pgm"):
        read_picture(content, "a.pgm")
