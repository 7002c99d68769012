"""Saves a model with its vocabulary as one file, and loads it again without trusting it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Tuple

from errors import UserError
from model import CharRnn, parameter_shapes
from numerics import np
from text import Vocabulary, are_controls

FILE_NAME = "model.npz"
FORMAT = 1


def prepare_folder(folder: Path) -> None:
    """Makes the folder and proves that it can be written, so that no training is lost to a wrong path."""
    probe = _temporary_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write into the folder {folder}: {error.strerror}; see --save_dir") from None


def save_model(folder: Path, model: CharRnn, vocabulary: Vocabulary) -> Path:
    """Replaces the saved model. At every moment the file is either the whole old one or the whole new one."""
    path, temporary = folder / FILE_NAME, _temporary_path(folder)
    if not np.isfinite(model.weights).all():
        raise UserError(f"the training came apart, {path} is left as it was; try a smaller --learning_rate")
    characters = np.array([ord(character) for character in vocabulary.characters], dtype=np.uint32)
    try:
        with temporary.open("wb") as file:
            np.savez(file, format=np.array(FORMAT), characters=characters, **model.parameters)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot save the model as {path}: {error.strerror}") from None
    finally:
        if temporary.exists():
            temporary.unlink()
    return path


def load_model(folder: Path) -> Tuple[CharRnn, Vocabulary]:
    """The saved model and its vocabulary."""
    path = folder / FILE_NAME
    try:
        # Without pickles a file can do no more than hold wrong numbers.
        with np.load(str(path), allow_pickle=False) as arrays:
            return _model_of(arrays)
    except FileNotFoundError:
        raise UserError(f"there is no model {path}; run train.py first, or choose its folder with --save_dir") from None
    except OSError as error:
        raise UserError(f"cannot read the model {path}: {error.strerror or error}") from None
    except Exception as error:
        # A damaged file makes zip, header and array readers fail in more ways than can be listed.
        reason = str(error).strip() or type(error).__name__
        raise UserError(f"{path} is not a model of this program ({reason}); train it again with train.py") from error


def _model_of(arrays: np.lib.npyio.NpzFile) -> Tuple[CharRnn, Vocabulary]:
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"its format is {int(arrays['format'])}, not {FORMAT}")
    if are_controls(arrays["characters"]).any():
        raise ValueError("its vocabulary holds control characters")
    vocabulary = Vocabulary("".join(map(chr, arrays["characters"])))
    model = CharRnn(len(vocabulary), len(arrays["recurrent"]))
    for name, shape in parameter_shapes(len(vocabulary), len(arrays["recurrent"])).items():
        values = arrays[name]
        if values.shape != shape:
            raise ValueError(f"{name} has the shape {values.shape}, not {shape}")
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise ValueError(f"{name} holds something else than finite numbers")
        model.parameters[name][...] = values
    return model, vocabulary


def _temporary_path(folder: Path) -> Path:
    return folder / f".{FILE_NAME}.{os.getpid()}"
