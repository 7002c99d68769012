"""Calls about uploads: begin one, send its files by the tus protocol (1.0.0), complete it, remove it."""

import base64
import os
import time
from typing import Any, Optional
from urllib.parse import urljoin

from spell.api.base_client import BaseClient
from spell.api.exceptions import ClientException
from spell.api.models.resources import UserDataset
from spell.api.response import Response

_TUS = {"Tus-Resumable": "1.0.0"}
_CHUNK_BYTES = 5 * 1024 * 1024


class UserDatasetsClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def new_dataset(self, name: str, cluster_name: object = None, compressed: bool = False) -> UserDataset:
        """Begin an upload of that name, or go on with it. ``compressed``: it will be one archive, to be unpacked."""
        body = {"name": name, "cluster_name": cluster_name, "compressed": bool(compressed)}
        answer = self._session.ask("POST", "datasets", self.owner, body=body)
        return UserDataset.from_json(self._member(answer, "user_dataset"))

    def complete_upload(self, dataset_id: int) -> None:
        """All files are there: the upload can be mounted from now on."""
        self._session.send("POST", "datasets", self.owner, dataset_id, "upload_complete")

    def remove_dataset(self, name: str) -> None:
        """Remove ``uploads/<name>``."""
        self._session.send("DELETE", "datasets", self.owner, body={"name": name})

    def upload_file(
        self,
        fullpath: str,
        dataset_id: int,
        dataset_path: str,
        q: Any = None,
        terminate: Any = None,
        retries: int = 1,
        retry_delay: float = 30,
    ) -> None:
        """Send the file at ``fullpath`` as ``dataset_path`` of an upload; each try goes on where the last one ended.

        ``q.put`` is told how many bytes have arrived, piece by piece; it ends early once ``terminate.is_set()``.
        ``retries``: how often to try again, ``retry_delay`` seconds later, where the server cannot be reached.
        """
        location = ""
        for tries_left in range(retries, -1, -1):
            try:
                location = location or self._begin(os.path.getsize(fullpath), dataset_id, dataset_path)
                self._send_rest(fullpath, location, q, terminate)
                return
            except OSError as error:
                raise ClientException(f"Cannot read {fullpath!r}: {error}", exception=error) from error
            except ClientException as problem:
                status = problem.response.status_code if problem.response is not None else 599
                if status < 500 or tries_left == 0:
                    raise
            time.sleep(retry_delay)

    def _begin(self, size_bytes: int, dataset_id: int, dataset_path: str) -> str:
        name = base64.b64encode(f"{dataset_id}/{dataset_path}".encode()).decode()
        headers = {**_TUS, "upload-length": str(size_bytes), "upload-metadata": f"path {name}"}
        response = self._session.exchange("POST", ("datasets", "upload"), headers)
        location = response.headers.get("location")
        if not location:
            raise ClientException(f"{response.url} does not say where to send {dataset_path!r}", response=response)
        return urljoin(response.url, location)

    def _send_rest(self, path: str, location: str, q: Any, terminate: Any) -> None:
        offset = _offset(self._session.exchange("HEAD", location, _TUS))
        _tell(q, offset)
        with open(path, "rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            file.seek(offset)
            while offset < size_bytes:
                if terminate is not None and terminate.is_set():
                    raise ClientException(f"The upload of {path!r} was told to end")
                piece = file.read(_CHUNK_BYTES)
                if not piece:
                    raise ClientException(f"{path!r} became shorter while it was sent: {offset} of {size_bytes} bytes")
                headers = {**_TUS, "upload-offset": str(offset), "Content-Type": "application/offset+octet-stream"}
                arrived = _offset(self._session.exchange("PATCH", location, headers, piece))
                if arrived <= offset:
                    raise ClientException(f"The server takes no more of {path!r} after {offset} bytes")
                _tell(q, arrived - offset)
                offset = arrived
                file.seek(offset)


def _offset(response: Response) -> int:
    text = response.headers.get("upload-offset", "")
    if not text.isdigit():
        raise ClientException(f"{response.url} does not say how much has arrived", response=response)
    return int(text)


def _tell(q: Optional[Any], size_bytes: int) -> None:
    if q is not None:
        q.put(size_bytes)
