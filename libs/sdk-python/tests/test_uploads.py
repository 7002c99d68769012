"""Sending files by the tus protocol: in pieces, and on from where a try ended."""

import queue
import threading
from pathlib import Path
from typing import Any, List

import pytest
from fake_spell import Call, FakeSpell, hangs_up, says

from spell.api import user_datasets_client
from spell.api.exceptions import ClientException, ConflictRequest
from spell.client import SpellClient

PLACE = "datasets/upload/abc"


class Taken:
    """A server that takes one file; ``limit`` bytes of a piece at most."""

    def __init__(self, server: FakeSpell, location: str = "/v1/" + PLACE) -> None:
        self.content = b""
        self.offsets: List[int] = []
        server.on("POST", "datasets/upload", lambda call: call.nothing(201, Location=location))
        server.on("HEAD", PLACE, self.head)
        server.on("PATCH", PLACE, self.patch)

    def head(self, call: Call) -> None:
        call.nothing(200, upload_offset=str(len(self.content)))

    def patch(self, call: Call) -> None:
        self.offsets.append(int(call.headers["upload-offset"]))
        assert self.offsets[-1] == len(self.content)
        self.content += call.body
        call.nothing(204, upload_offset=str(len(self.content)))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(user_datasets_client, "_CHUNK_BYTES", 4)
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return str(path)


@pytest.mark.parametrize("location", ["/v1/" + PLACE, "upload/abc", "http://other.example/v1/" + PLACE])
def test_a_file_in_pieces(server: FakeSpell, client: SpellClient, file: str, location: str) -> None:
    taken = Taken(server, location)
    told: queue.Queue[int] = queue.Queue()
    client.api.upload_file(file, 5, "sub/f", told)
    assert (taken.content, taken.offsets) == (b"0123456789", [0, 4, 8])
    assert list(told.queue) == [0, 4, 4, 2]
    begin = server.calls[0]
    assert (begin.headers["upload-length"], begin.headers["upload-metadata"]) == ("10", "path NS9zdWIvZg==")
    assert all(call.headers["Tus-Resumable"] == "1.0.0" for call in server.calls)
    assert all(call.headers["Authorization"] == "Bearer secret" for call in server.calls)


def test_on_from_where_it_was(server: FakeSpell, client: SpellClient, file: str) -> None:
    taken = Taken(server)
    taken.content = b"012345"
    client.api.upload_file(file, 5, "f")
    assert (taken.content, taken.offsets) == (b"0123456789", [6])


def test_a_try_that_broke_is_taken_up(server: FakeSpell, client: SpellClient, file: str) -> None:
    taken = Taken(server)
    server.on("PATCH", PLACE, taken.patch, hangs_up, taken.patch)
    client.api.upload_file(file, 5, "f", retry_delay=0.01)
    assert (taken.content, taken.offsets) == (b"0123456789", [0, 4, 8])
    assert len(server.bodies("datasets/upload")) == 1
    server.on("PATCH", PLACE, hangs_up)
    taken.content = b""
    with pytest.raises(ClientException, match="Cannot reach"):
        client.api.upload_file(file, 5, "f", retries=2, retry_delay=0.01)


def test_an_empty_file_sends_nothing(server: FakeSpell, client: SpellClient, tmp_path: Path) -> None:
    taken = Taken(server)
    (tmp_path / "empty").write_bytes(b"")
    client.api.upload_file(str(tmp_path / "empty"), 5, "empty")
    assert (taken.offsets, [call.method for call in server.calls]) == ([], ["POST", "HEAD"])


def test_what_goes_wrong(server: FakeSpell, client: SpellClient, file: str) -> None:
    with pytest.raises(ClientException, match="Cannot read"):
        client.api.upload_file(file + "none", 5, "f")
    Taken(server, location="")
    with pytest.raises(ClientException, match="does not say where"):
        client.api.upload_file(file, 5, "f")
    Taken(server)
    answers: List[Any] = [lambda call: call.nothing(204, upload_offset="0"), lambda call: call.nothing(204)]
    for answer, message in zip(answers, ("takes no more", "how much has arrived")):
        server.on("PATCH", PLACE, answer)
        with pytest.raises(ClientException, match=message):
            client.api.upload_file(file, 5, "f", retries=0)
    server.on("PATCH", PLACE, says({"error": "the file changed"}, 409))
    with pytest.raises(ConflictRequest, match="the file changed"):
        client.api.upload_file(file, 5, "f")
    ended = threading.Event()
    ended.set()
    with pytest.raises(ClientException, match="told to end"):
        client.api.upload_file(file, 5, "f", terminate=ended, retries=0)
