"""Calls about files: list them, fetch them, give them a name."""

import contextlib
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NoReturn, Sequence

from spell.api import readers
from spell.api.base_client import BaseClient
from spell.api.broken import Broken
from spell.api.exceptions import ClientException, JsonDecodeError
from spell.api.extract import Read, Report, extract, open_tar
from spell.api.models.resources import LsLine
from spell.api.streams import parse_event

if TYPE_CHECKING:
    import tarfile

_TAR = "application/x-tar"


class ResourcesClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def get_ls(self, path: str) -> Iterator[LsLine]:
        """Yield what lies in a folder, or the one file of that path. The path is relative: ``runs/7/save``."""
        exchange = self._session.open("resources", self.owner, "ls", *_segments(path))
        try:
            for line in exchange.lines():
                if line.strip():
                    yield _ls_line(parse_event(line, exchange.url))
            if exchange.rest.strip():
                yield _ls_line(parse_event(exchange.rest, exchange.url))
        except Broken as broken:
            raise self._session.unreachable(broken) from broken.cause
        finally:
            exchange.close()

    def copy(self, path: str, destination: str, report: Report) -> None:
        """Copy a file or folder of the server into a folder here, which is made if it is missing.

        A file arrives under its base name, a folder with its contents. Nothing is ever written outside of the
        destination. ``report`` is told each name before it is written.
        """
        with self._archive(path) as read:
            extract(read, destination, report)

    def download_resources(
        self, resources: Sequence[str], dest: str, echo: Callable[[str], object], quiet: bool = False
    ) -> None:
        """Copy several, as :meth:`copy` does; ``echo`` is told of each file unless quiet."""
        for resource in resources:
            self.copy(resource, dest, None if quiet else lambda name: echo(f"Extracting {name}..."))

    @contextlib.contextmanager
    def tar_of_path(self, path: str) -> Iterator["tarfile.TarFile"]:
        """A file or folder of the server as an open tar, to be read in the order of its members.

        Names and links in it may lead anywhere: :meth:`copy` unpacks it safely.
        """
        with self._archive(path) as read, open_tar(read) as archive:
            yield archive

    @contextlib.contextmanager
    def _archive(self, path: str) -> Iterator[Read]:
        exchange = self._session.open("resources", self.owner, "cp", *_segments(path), accept=_TAR)
        try:
            kind = exchange.headers.get("content-type", "")
            if not kind.startswith(_TAR):
                raise ClientException(f"{exchange.url} did not send files but {kind or 'something without a type'}")
            yield exchange.some
        except Broken as broken:
            raise self._session.unreachable(broken) from broken.cause
        finally:
            exchange.close()

    def create_link(self, resource_path: str, alias: str) -> Dict[str, Any]:
        """Let ``alias`` stand for a resource; gives ``alias``, ``resource_path`` and ``created_at``."""
        body = {"resource_path": resource_path, "alias": alias}
        return _link(self._member(self._session.ask("POST", "links", self.owner, body=body), "resource_link"))

    def list_links(self) -> List[Dict[str, Any]]:
        """All links, each as :meth:`create_link` gives it."""
        return self._list(self._session.get("links", self.owner), "resource_links", _link)

    def get_link(self, alias: str) -> Dict[str, Any]:
        """One link, as :meth:`create_link` gives it."""
        answer = self._session.get("links", self.owner, alias)
        if not answer.get("resource_link"):
            raise ClientException(f"There is no link {alias!r}")
        return _link(answer["resource_link"])

    def remove_link(self, alias: str) -> None:
        """Remove a link; what it stands for stays."""
        self._session.send("DELETE", "links", self.owner, alias)


def _segments(path: str) -> List[str]:
    """The parts of a path; the empty path is one empty part."""
    if not isinstance(path, str):
        raise TypeError(f"A path on the server is a text such as 'runs/7/save', not {path!r}")
    return path.rstrip("/").split("/")


def _ls_line(data: Dict[str, Any]) -> LsLine:
    if "path" not in data:
        _refused(data)
    return LsLine.from_json(data)


def _refused(data: Dict[str, Any]) -> NoReturn:
    for key in ("error", "status"):
        text = readers.text(data.get(key))
        if text:
            raise ClientException(text)
    raise JsonDecodeError(f"Expected a line of a listing, got {data!r}")


def _link(data: object) -> Dict[str, Any]:
    if not isinstance(data, dict):
        raise JsonDecodeError(f"Expected a link, got {data!r}")
    return dict(data, created_at=readers.date(data.get("created_at")))
