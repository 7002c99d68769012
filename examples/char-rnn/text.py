"""Reads the training text and turns characters into small numbers and back."""

from __future__ import annotations

from pathlib import Path

from errors import UserError
from numerics import np

# More than the default training time can read, and few enough for the memory of a small machine.
MAX_CHARACTERS = 20_000_000
UNKNOWN = 0
HIGHEST_CODE_POINT = 0x10FFFF


def read_text(data_folder: Path) -> str:
    """The first MAX_CHARACTERS of `data_folder`/input.txt, line ends normalised to "\\n"."""
    path = data_folder / "input.txt"
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_CHARACTERS)
    except FileNotFoundError:
        raise UserError(f"there is no {path}; put the text there, or choose its folder with --data_dir") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 text ({error.reason}); convert it, for example with `iconv -f latin1 -t utf-8`"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if not text.strip():
        raise UserError(f"{path} is empty; it must hold the text to learn from")
    return text


class Vocabulary:
    """The characters a model knows. Number 0 stands for every other character."""

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self._number_of = np.full(HIGHEST_CODE_POINT + 1, UNKNOWN, dtype=np.int32)
        self._number_of[code_points(characters)] = np.arange(1, len(characters) + 1)

    @classmethod
    def of_text(cls, text: str, limit: int) -> Vocabulary:
        """The most frequent characters of `text`, so that with the unknown one there are at most `limit`.

        Control characters are never learnt: a sample must not be able to steer the reader's terminal.
        """
        counts = np.bincount(code_points(text), minlength=HIGHEST_CODE_POINT + 1)
        found = np.flatnonzero(counts)
        found = found[~are_controls(found)]
        # A stable sort: characters that are equally frequent keep the order of their code points.
        by_frequency = found[np.argsort(-counts[found], kind="stable")]
        if len(by_frequency) == 0:
            raise UserError("the text holds nothing but control characters; is it really text?")
        return cls("".join(map(chr, by_frequency[: limit - 1])))

    def __len__(self) -> int:
        return len(self.characters) + 1

    def encode(self, text: str) -> np.ndarray:
        return self._number_of[code_points(text)]

    def decode(self, number: int) -> str:
        return "\ufffd" if number == UNKNOWN else self.characters[number - 1]


def are_controls(points: np.ndarray) -> np.ndarray:
    """Which code points are control characters other than line end and tabulator."""
    return ((points < 0x20) & (points != ord("\n")) & (points != ord("\t"))) | ((points >= 0x7F) & (points < 0xA0))


def code_points(text: str) -> np.ndarray:
    # A command line may carry lone surrogates (bytes that were not UTF-8); they are merely unknown characters.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
