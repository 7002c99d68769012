"""Files on the server: what runs wrote (``runs/<id>/…``), uploads (``uploads/<name>/…``), links."""

import os
from typing import TYPE_CHECKING, Iterator

from spell.api import models
from spell.client.run_request import PathLike

if TYPE_CHECKING:
    from spell.client import SpellClient


class ResourcesService:
    """Lists and copies files. Paths on the server are relative, as in mounts: ``runs/7/save``."""

    def __init__(self, client: "SpellClient") -> None:
        self._client = client

    def ls(self, path: str) -> Iterator[models.LsLine]:
        """Yield what lies at a path: path, size in bytes, date. Folders end in ``/``. The empty path is the top."""
        return self._client.api.get_ls(path)

    def cp(self, path: str, dest: PathLike, quiet: bool = False) -> None:
        """Copy a file or folder into the folder ``dest``, which is made if it is missing; prints names unless quiet.

        A file arrives under its base name, a folder with its contents; files that are there already are replaced.
        """
        self._client.api.copy(path, os.fspath(dest), report=None if quiet else say_extracting)


def say_extracting(name: str) -> None:
    """Print that a file is being copied."""
    print(f"Extracting {name}...")
