"""The server is away for a moment: what is asked again, and what is not."""

import os
import threading
import time
from typing import Dict, List

import pytest
from fake_spell import Call, FakeSpell, fake_spell, free_port, hangs_up, run_json, says

import spell.api.session
from spell.api.exceptions import ClientException
from spell.client import SpellClient
from spell.client.runs import Run


def test_lost_answer_to_a_create_makes_no_second_run(server: FakeSpell, client: SpellClient) -> None:
    made: Dict[str, int] = {}

    def create(call: Call) -> None:
        key = call.headers["Idempotency-Key"]
        if key not in made:
            made[key] = 40 + len(made)
            call.hang_up()
        else:
            call.json({"run": run_json(made[key])})

    server.on("POST", "runs/ada", create)
    assert client.runs.new(command="a").id == 40
    assert client.runs.new(command="b").id == 41
    assert [call.body["command"] for call in server.calls] == ["a", "a", "b", "b"]


def test_create_and_get_outlast_503(server: FakeSpell, client: SpellClient) -> None:
    busy = says({"error": "starting"}, 503)
    server.on("POST", "runs/ada", busy, busy, says({"run": run_json(7)}))
    server.on("GET", "runs/ada/7", busy, says({"run": run_json(7)}))
    client.runs.new().refresh()
    assert [call.method for call in server.calls] == ["POST"] * 3 + ["GET"] * 2


def test_persistent_503_is_told_with_the_servers_words(
    server: FakeSpell, client: SpellClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def pass_time(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", pass_time)
    server.on("GET", "runs/ada/7", says({"error": "out of order"}, 503))
    with pytest.raises(ClientException, match="out of order"):
        client.runs.get(7)
    assert 5 < len(server.calls) < 25
    assert clock[0] < 31


@pytest.mark.parametrize("status", [500, 502, 404])
def test_other_errors_are_final_for_calls(server: FakeSpell, client: SpellClient, status: int) -> None:
    server.on("GET", "runs/ada/7", says({"error": "no"}, status))
    with pytest.raises(ClientException):
        client.runs.get(7)
    assert len(server.calls) == 1


def test_a_stop_is_never_sent_twice(server: FakeSpell, run: Run) -> None:
    server.on("POST", "runs/ada/7/stop", hangs_up)
    with pytest.raises(ClientException, match="Cannot reach Spell"):
        run.stop()
    assert [call.path for call in server.calls].count("/v1/runs/ada/7/stop") == 1


def test_kept_connection_that_the_server_closed(server: FakeSpell, client: SpellClient) -> None:
    def answer_and_close(call: Call) -> None:
        call.json({"run": run_json(7)})
        call.hang_up()

    server.on("GET", "runs/ada/7", answer_and_close)
    server.on("POST", "runs/ada/7/stop", lambda call: call.raw(b"", 204))
    run = client.runs.get(7)
    run.refresh()
    run.stop()
    assert len(server.calls) == 3


def test_kept_connection_on_which_the_server_said_good_bye(server: FakeSpell, client: SpellClient) -> None:
    def answer_and_more(call: Call) -> None:
        call.json({"run": run_json(7)})
        call.wfile.flush()
        answered.wait(10)
        call.wfile.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        call.hang_up()
        gone.set()

    answered, gone = threading.Event(), threading.Event()
    server.on("GET", "runs/ada/7", answer_and_more, says({"run": run_json(7, "running")}))
    run = client.runs.get(7)
    answered.set()
    assert gone.wait(10)
    run.refresh()
    assert run.status == "running"


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: List[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    clock = iter(range(10_000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    url = f"http://127.0.0.1:{free_port()}"
    client = SpellClient("secret", base_url=url, owner="ada")
    with pytest.raises(ClientException, match="Cannot reach Spell at " + url) as caught:
        client.runs.new(command="x")
    assert isinstance(caught.value.exception, ConnectionRefusedError)
    assert "SPELL_BASE_URL" in str(caught.value)
    assert 1 <= len(pauses) <= 5


@pytest.mark.parametrize("call", ["new", "stop"])
def test_server_comes_late(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    port = free_port()
    servers: List[FakeSpell] = []

    def start(_: float) -> None:
        if not servers:
            servers.append(FakeSpell(port))
            servers[0].on("POST", "runs/ada", says({"run": run_json(7)}))
            servers[0].on("POST", "runs/ada/7/stop", says({}))

    monkeypatch.setattr(time, "sleep", start)
    client = SpellClient("secret", base_url=f"http://127.0.0.1:{port}", owner="ada")
    try:
        if call == "new":
            assert client.runs.new().id == 7
        else:
            client.api.stop_run(7)
        assert len(servers[0].calls) == 1
    finally:
        client.close()
        for server in servers:
            server.stop()


def test_something_that_speaks_no_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(spell.api.session, "_PATIENCE_REACHED_S", 0)
    monkeypatch.setattr(spell.api.session, "_PATIENCE_NEVER_REACHED_S", 0)

    def babble(call: Call) -> None:
        call.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        call.hang_up()

    with fake_spell() as server:
        server.on("GET", "runs/ada/7", babble)
        client = SpellClient("secret", base_url=server.url, owner="ada")
        with pytest.raises(ClientException, match="Cannot reach Spell"):
            client.runs.get(7)
        client.close()


def test_a_forked_child_opens_its_own_connection(
    server: FakeSpell, client: SpellClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("GET", "runs/ada/7", says({"run": run_json(7)}))
    client.runs.get(7)
    client.runs.get(7)
    assert len(server.connections) == 1
    monkeypatch.setattr(os, "getpid", lambda: -1)
    client.runs.get(7)
    assert len(server.connections) == 2
