"""Unpack what the server sends, into one folder and nowhere else.

The archive is read as it arrives. Whatever it says, nothing outside of the folder is created, changed or pointed at:
not by absolute names, ``..`` or links, nor through links that were there before. A link that points out is left out,
with a warning.
"""

import os
import warnings
from typing import IO, TYPE_CHECKING, Callable, List, Optional, Tuple

from spell.api.exceptions import ClientException

if TYPE_CHECKING:
    import tarfile

Read = Callable[[int], bytes]
Report = Optional[Callable[[str], object]]

_COPY_BYTES = 256 * 1024


def extract(read: Read, destination: str, report: Report = None) -> None:
    """Unpack a tar stream (plain, gzip, bzip2 or xz) into ``destination``, which is made if it is missing.

    Files that are there already are replaced, each as a whole. ``report`` is told each name before it is written.
    Raises :class:`ClientException` for an archive that is damaged, ends early or would write outside, and where the
    disk refuses.
    """
    import tarfile

    try:
        os.makedirs(destination, exist_ok=True)
        with open_tar(read) as archive:
            _unpack(archive, _Folder(destination), report)
    except (tarfile.TarError, EOFError) as error:
        raise ClientException(f"What the server sent cannot be unpacked: {error}", exception=error) from error
    except OSError as error:
        raise ClientException(f"Cannot copy to {destination!r}: {error}", exception=error) from error


def open_tar(read: Read) -> "tarfile.TarFile":
    """The archive as it arrives, whatever it is packed with."""
    import tarfile

    return tarfile.open(fileobj=_Reader(read), mode="r|*")  # type: ignore[call-overload,no-any-return]


def _unpack(archive: "tarfile.TarFile", folder: "_Folder", report: Report) -> None:
    # Links are made last: then no member can be written through one.
    links: List[Tuple[str, str]] = []
    for member in archive:
        path = folder.inside(member.name, member.isdir())
        if report is not None and path != folder.root:
            report(member.name)
        if member.isdir():
            folder.make(path)
        elif member.isfile() and not member.issparse():
            source = archive.extractfile(member)
            if source is not None:
                folder.write(path, source, member)
        elif member.islnk():
            folder.copy(folder.inside(member.linkname), path)
        elif member.issym():
            links.append((path, member.linkname))
        else:
            raise ClientException(f"{member.name!r} is no plain file, folder or link: refused")
    for path, target in links:
        folder.link(path, target)
    # One that was made later may have changed where another one leads.
    for path, target in links:
        folder.check_link(path, target)


class _Reader:
    """What tarfile takes for a file."""

    def __init__(self, read: Read) -> None:
        self.read = read


class _Folder:
    """The destination. Paths given to its methods come from :meth:`inside`."""

    def __init__(self, path: str) -> None:
        self.root = os.path.realpath(path)

    def inside(self, name: str, is_folder: bool = False) -> str:
        """Where a member of that name lies. Raises :class:`ClientException` if that is not below the folder."""
        path = os.path.normpath(os.path.join(self.root, name))
        if path == self.root and is_folder:
            return path
        parent = os.path.dirname(path)
        if "\0" in name or not self._holds(parent) or not self._holds(os.path.realpath(parent)):
            raise ClientException(f"The server sent {name!r}, which would be written outside of {self.root!r}: refused")
        return os.path.join(os.path.realpath(parent), os.path.basename(path))

    def make(self, path: str) -> None:
        if not os.path.isdir(path) and os.path.lexists(path):
            os.unlink(path)
        os.makedirs(path, exist_ok=True)

    def write(self, path: str, source: IO[bytes], member: "tarfile.TarInfo") -> None:
        """Write beside and rename: a copy that breaks leaves the former file, or none."""
        part = self._part(path)
        try:
            with open(part, "xb") as target:
                for piece in iter(lambda: source.read(_COPY_BYTES), b""):
                    target.write(piece)
                if target.tell() != member.size:
                    raise ClientException(f"{member.name!r} ends after {target.tell()} of {member.size} bytes")
            if member.mode & 0o100:
                os.chmod(part, os.stat(part).st_mode | 0o111)
            _set_time(part, member.mtime)
            self._replace(part, path)
        finally:
            _remove(part)

    def copy(self, source: str, path: str) -> None:
        """A hard link of the archive: here a file of its own."""
        import shutil

        if os.path.islink(source) or not os.path.isfile(source):
            raise ClientException(f"The server sent a link to {source!r}, which is no file of the same copy: refused")
        part = self._part(path)
        try:
            shutil.copy2(source, part)
            self._replace(part, path)
        finally:
            _remove(part)

    def link(self, path: str, target: str) -> None:
        part = self._part(path)
        os.symlink(target, part)
        try:
            self._replace(part, path)
        finally:
            _remove(part)

    def check_link(self, path: str, target: str) -> None:
        """Remove a link that points out, and say so."""
        if os.path.islink(path) and (os.path.isabs(target) or not self._holds(os.path.realpath(path))):
            os.unlink(path)
            warnings.warn(f"The link {path!r} points out of what is copied, at {target!r}: left out", stacklevel=2)

    def _part(self, path: str) -> str:
        parent = os.path.dirname(path)
        os.makedirs(parent, exist_ok=True)
        return os.path.join(parent, f".spell-{os.getpid()}-{os.urandom(6).hex()}.part")

    def _replace(self, part: str, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            raise ClientException(f"{path!r} is a folder here and none on the server. Remove it, or copy elsewhere.")
        os.replace(part, path)

    def _holds(self, path: str) -> bool:
        return path == self.root or path.startswith(self.root.rstrip(os.sep) + os.sep)


def _set_time(path: str, seconds: float) -> None:
    try:
        os.utime(path, (seconds, seconds))
    except (OSError, OverflowError, ValueError):
        return  # a time that this machine cannot say


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
