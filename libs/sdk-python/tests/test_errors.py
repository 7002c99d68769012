"""What the server refuses, and what it should never say."""

import json
from typing import Any, Type

import pytest
from fake_spell import FakeSpell, says, says_raw

import spell.api.exchange
from spell.api.exceptions import (
    BadRequest,
    ClientException,
    ConflictRequest,
    JsonDecodeError,
    ServerError,
    UnauthorizedRequest,
)
from spell.client import SpellClient
from spell.client.runs import Run


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, UnauthorizedRequest),
        (403, ClientException),
        (404, ClientException),
        (409, ConflictRequest),
        (429, ClientException),
        (500, ServerError),
        (203, ClientException),
    ],
)
def test_status_mapping(server: FakeSpell, client: SpellClient, status: int, kind: Type[ClientException]) -> None:
    server.on("POST", "runs/ada", says({"status": "short", "error": "no such machine", "code": "invalid"}, status))
    with pytest.raises(ClientException) as caught:
        client.runs.new(command="x")
    assert type(caught.value) is kind
    assert str(caught.value) == caught.value.message == "no such machine"
    assert caught.value.code == "invalid"
    assert caught.value.response is not None
    assert caught.value.response.status_code == status
    assert caught.value.response.json()["code"] == "invalid"
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"status": "only status"}', "only status"),
        (b'{"error": {"nested": 1}, "code": 7}', "failed: 404"),
        (b"{}", "failed: 404"),
        (b"", "failed: 404"),
        (b"<html>gone \xff</html>", "<html>gone"),
        (b"[1]", "failed: 404"),
    ],
)
def test_odd_error_bodies(server: FakeSpell, client: SpellClient, body: bytes, message: str) -> None:
    server.on("GET", "runs/ada/1", says_raw(body, 404))
    with pytest.raises(ClientException, match=message) as caught:
        client.runs.get(1)
    assert caught.value.code is None
    if "failed" in message:
        assert server.url + "/v1/runs/ada/1" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"run": null}',
        b'{"run": []}',
        b'{"run": {}}',
        b'{"run": {"id": "x", "status": "running"}}',
        b'{"run": {"id": true, "status": "running"}}',
        b'{"run": {"id": 1, "status": 2}}',
        b'{"run": {"id": 1, "status": "run',
        b'\xff\xfe{"run": 1}',
        b"[" * 200_000,
        b'{"run": {"id": ' + b"9" * 10_000 + b".5}}",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_malformed_json(server: FakeSpell, client: SpellClient, run: Run, body: bytes) -> None:
    server.on("GET", "runs/ada/7", says_raw(body))
    with pytest.raises(JsonDecodeError):
        run.refresh()
    assert run.status == "machine_requested"


@pytest.mark.parametrize("runs", [None, 5, {"a": 1}, ["x"]])
def test_malformed_list(server: FakeSpell, client: SpellClient, runs: Any) -> None:
    server.on("GET", "runs/ada", says({"runs": runs}))
    with pytest.raises(JsonDecodeError):
        client.runs.list()


def test_odd_fields_do_not_make_a_run_unreadable(server: FakeSpell, client: SpellClient) -> None:
    odd = {"id": "12", "status": "running", "created_at": "yesterday", "ended_at": 5, "labels": 3, "creator": "me"}
    server.on("GET", "runs/ada/12", says({"run": odd}))
    run = client.runs.get(12)
    assert (run.id, run.created_at, run.ended_at, run.labels, run.creator) == (12, None, None, [], None)


@pytest.mark.parametrize("chunked", [True, False])
def test_absurdly_long_answer(
    server: FakeSpell, client: SpellClient, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    monkeypatch.setattr(spell.api.exchange, "MAX_BODY_BYTES", 1000)
    content = json.dumps({"runs": [], "padding": "x" * 2000}).encode()
    server.on("GET", "runs/ada", lambda call: call.chunks(content) if chunked else call.raw(content))
    with pytest.raises(ClientException, match="more than 1000 bytes"):
        client.runs.list()


def test_chunked_answer(server: FakeSpell, client: SpellClient) -> None:
    server.on("GET", "runs/ada", lambda call: call.chunks(b'{"ru', b'ns": []}'))
    assert client.runs.list() == []
    assert client.runs.list() == []
    assert len(server.connections) == 1
