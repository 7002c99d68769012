"""Several coordinators: one leads, the others stand by, and any of them may fall silent."""

import socket
import threading
from typing import Callable, Iterator, List, Tuple, Union

import pytest
from fake_spell import Call, FakeSpell, entry, fake_spell, free_port, hangs_up, run_json, says, streams

import spell.api.connections
import spell.api.watched_socket
from spell.api.exceptions import ClientException
from spell.client import SpellClient
from spell.config import base_url_from


def stands_by(call: Call) -> None:
    call.send_response(503)
    content = b'{"status": "error", "error": "Another coordinator leads.", "code": "standby"}'
    for name, value in (("Content-Length", str(len(content))), ("Spell-Reason", "standby")):
        call.send_header(name, value)
    call.end_headers()
    call.wfile.write(content)


@pytest.fixture
def two() -> Iterator[Tuple[FakeSpell, FakeSpell]]:
    with fake_spell() as first, fake_spell() as second:
        yield first, second


ClientOf = Callable[..., SpellClient]


@pytest.fixture
def client_of() -> Iterator[ClientOf]:
    """Makes a client of servers or URLs, in this order."""
    made: List[SpellClient] = []

    def make(*servers: Union[FakeSpell, str]) -> SpellClient:
        urls = [server if isinstance(server, str) else server.url for server in servers]
        made.append(SpellClient("secret", base_url=",".join(urls), owner="ada"))
        return made[-1]

    yield make
    for client in made:
        client.close()


def paths(server: FakeSpell) -> List[str]:
    return [call.path for call in server.calls]


def test_a_standby_is_left_for_the_leader_which_is_asked_first_from_then_on(two: Tuple[FakeSpell, FakeSpell], client_of: ClientOf) -> None:
    standby, leader = two
    standby.on("POST", "runs/ada", stands_by)
    leader.on("POST", "runs/ada", says({"run": run_json(7)}))
    leader.on("POST", "runs/ada/7/stop", lambda call: call.raw(b"", 204))
    run = client_of(standby, leader).runs.new(command="true")
    run.stop()
    assert paths(standby) == ["/v1/runs/ada"]
    assert paths(leader) == ["/v1/runs/ada", "/v1/runs/ada/7/stop"]


def test_a_stop_that_a_standby_was_sent_is_sent_to_the_leader(two: Tuple[FakeSpell, FakeSpell], client_of: ClientOf) -> None:
    first, second = two
    first.on("POST", "runs/ada", says({"run": run_json(7)}))
    first.on("POST", "runs/ada/7/stop", stands_by)
    second.on("POST", "runs/ada/7/stop", lambda call: call.raw(b"", 204))
    client_of(first, second).runs.new(command="true").stop()
    assert paths(second) == ["/v1/runs/ada/7/stop"]


def test_while_nobody_leads_it_goes_round(two: Tuple[FakeSpell, FakeSpell], client_of: ClientOf) -> None:
    first, second = two
    first.on("POST", "runs/ada/7/stop", stands_by, stands_by, lambda call: call.raw(b"", 204))
    first.on("GET", "runs/ada/7", says({"run": run_json(7)}))
    second.on("POST", "runs/ada/7/stop", stands_by)
    run = client_of(first, second).runs.get(7)
    run.stop()
    assert len(first.calls) == 4
    assert len(second.calls) == 2


def test_one_that_is_gone_is_passed_over(server: FakeSpell, client_of: ClientOf) -> None:
    server.on("GET", "runs/ada/7", says({"run": run_json(7)}))
    assert client_of(f"http://127.0.0.1:{free_port()}", f" {server.url}").runs.get(7).id == 7


def test_what_may_have_been_done_is_not_sent_to_the_next_one(two: Tuple[FakeSpell, FakeSpell], client_of: ClientOf) -> None:
    first, second = two
    first.on("POST", "runs/ada", says({"run": run_json(7)}))
    first.on("POST", "runs/ada/7/stop", hangs_up)
    run = client_of(first, second).runs.new(command="true")
    with pytest.raises(ClientException, match="Cannot reach Spell at .* or "):
        run.stop()
    assert second.calls == []


def test_a_log_goes_on_at_the_next_one_with_every_entry_once(two: Tuple[FakeSpell, FakeSpell], client_of: ClientOf) -> None:
    first, second = two
    first.on("GET", "runs/ada/7", says({"run": run_json(7)}))
    first.on("POST", "runs/ada/7/logs", streams(entry(0, "a"), entry(1, "b"), end=False), stands_by)
    second.on("POST", "runs/ada/7/logs", streams(entry(2, "c"), {"finished": True}))
    assert [str(line) for line in client_of(first, second).runs.get(7).logs()] == ["a", "b", "c"]
    assert second.bodies("runs/ada/7/logs")[0]["offset"] == 2


def test_one_that_falls_silent_is_left(
    server: FakeSpell, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spell.api.watched_socket, "SILENCE_S", 0.2)
    monkeypatch.setattr(spell.api.connections, "_PROBE_TIMEOUT_S", 0.2)
    server.on("GET", "runs/ada/7", says({"run": run_json(7)}))
    # A process that was stopped: its kernel takes connections and requests, and nobody answers.
    with socket.create_server(("127.0.0.1", 0)) as stopped:
        assert client_of(f"http://127.0.0.1:{stopped.getsockname()[1]}", server).runs.get(7).id == 7


def test_one_that_takes_its_time_is_waited_for(
    two: Tuple[FakeSpell, FakeSpell], client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spell.api.watched_socket, "SILENCE_S", 0.05)
    monkeypatch.setattr(spell.api.connections, "_PROBE_TIMEOUT_S", 0.05)
    slow, other = two
    go_on = threading.Event()
    probes: List[int] = []

    def lives(call: Call) -> None:
        probes.append(1)
        if len(probes) > 2:
            go_on.set()
        call.json({"status": "ok"})

    def answer(call: Call) -> None:
        go_on.wait(30)
        call.json({"run": run_json(7)})

    slow.answers[("GET", "/healthz")] = [lives]
    slow.on("GET", "runs/ada/7", answer)
    assert client_of(slow, other).runs.get(7).id == 7
    assert other.calls == []


def test_where_a_run_finds_all_of_them() -> None:
    one, all_of_them = "http://a:1", "http://b:1,http://a:1"
    assert base_url_from({"SPELL_BASE_URL": one, "SPELL_BASE_URLS": all_of_them}) == all_of_them
    assert base_url_from({"SPELL_BASE_URL": "http://c:1", "SPELL_BASE_URLS": all_of_them}) == "http://c:1"
    assert base_url_from({"SPELL_BASE_URLS": all_of_them}) is None
    with pytest.raises(ClientException, match="not the URL"):
        SpellClient("secret", base_url="http://a:1,", owner="ada")
