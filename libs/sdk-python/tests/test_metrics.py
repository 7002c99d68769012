"""send_metric: never an exception, nothing outside of runs."""

import os
import socket
import threading
import time
import warnings
from typing import Any, List

import pytest
from fake_spell import FakeSpell, free_port, says, says_raw

from spell.metrics import SpellMetricWarning, send_metric


class Scalar:
    """Looks like a scalar of a numeric package."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def item(self) -> Any:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


@pytest.fixture
def inside(server: FakeSpell, monkeypatch: pytest.MonkeyPatch) -> FakeSpell:
    monkeypatch.setenv("SPELL_RUN", "1")
    monkeypatch.setenv("SPELL_METRICS", server.url[len("http://") :] + "/metrics/token")
    server.answers[("POST", "/metrics/token/user-metrics")] = [says({})]
    return server


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (3, {"type": "number", "number": 3}),
        (0.5, {"type": "number", "number": 0.5}),
        (True, {"type": "number", "number": 1}),
        ("good", {"type": "text", "text": "good"}),
        (Scalar(2.5), {"type": "number", "number": 2.5}),
    ],
)
def test_values(inside: FakeSpell, value: Any, sent: Any) -> None:
    send_metric("loss", value)
    send_metric("loss", value, index=4)
    assert [call.body for call in inside.calls] == [dict(sent, name="loss"), dict(sent, name="loss", index=4)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("loss", None),
        ("loss", [1]),
        ("loss", float("nan")),
        ("loss", Scalar(RuntimeError("two elements"))),
        ("loss", Scalar(b"x")),
        (5, 1),
        ("loss", 1, "3"),
        ("loss", 1, True),
        ("loss", 1, 1.5),
        ("loss", 1, 2**53),
        ("loss", 10**400),
        ("loss", "t" * 8_193),
        ("loss", "\U0001f680" * 4_097),
        ("", 1),
        ("n" * 201, 1),
        ("\U0001f680" * 101, 1),
        ("a\nb", 1),
        ("a\x85b", 1),
    ],
)
def test_what_is_no_metric_warns(inside: FakeSpell, arguments: Any) -> None:
    with pytest.warns(SpellMetricWarning):
        send_metric(*arguments)
    assert inside.calls == []


@pytest.mark.parametrize(
    "arguments",
    [("n" * 200, "t" * 8_192, 2**53 - 1), ("\U0001f680" * 100, "\U0001f680" * 4_096, 1 - 2**53)],
)
def test_the_largest_metric(inside: FakeSpell, arguments: Any) -> None:
    send_metric(*arguments)
    assert [(call.body["name"], call.body["text"], call.body["index"]) for call in inside.calls] == [arguments]


def test_outside_of_runs(server: FakeSpell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELL_METRICS", server.url[len("http://") :])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        send_metric("loss", object())
    assert server.calls == []


def test_refused(inside: FakeSpell) -> None:
    inside.answers[("POST", "/metrics/token/user-metrics")] = [says_raw(b"bad name", 400)]
    with pytest.warns(SpellMetricWarning, match="400 bad name"):
        send_metric("loss", 1)


def test_a_connection_is_kept(inside: FakeSpell) -> None:
    for index in range(5):
        send_metric("loss", index)
    assert (len(inside.calls), len(inside.connections)) == (5, 1)
    # Between two metrics the service may close it.
    inside.connections[0].shutdown(socket.SHUT_RDWR)
    send_metric("loss", 5)
    assert (len(inside.calls), len(inside.connections)) == (6, 2)


def test_threads_share_a_connection(inside: FakeSpell) -> None:
    def work() -> None:
        for index in range(20):
            send_metric("loss", index)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(inside.calls), len(inside.connections)) == (80, 1)


def test_a_child_process_leaves_its_parent_s_connection_alone(inside: FakeSpell) -> None:
    send_metric("loss", 1)
    child = os.fork()
    if child == 0:
        send_metric("loss", 2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    send_metric("loss", 3)
    assert [call.body["number"] for call in inside.calls] == [1, 2, 3]
    assert len(inside.connections) == 2


def test_a_service_that_is_started_again_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("SPELL_RUN", "1")
    monkeypatch.setenv("SPELL_METRICS", f"127.0.0.1:{port}")
    started: List[FakeSpell] = []

    def start() -> None:
        started.append(FakeSpell(port, {("POST", "/user-metrics"): [says({})]}))

    timer = threading.Timer(0.3, start)
    timer.start()
    try:
        send_metric("loss", 1)
    finally:
        timer.join()
        started[0].stop()
    assert len(started[0].calls) == 1


def test_only_the_first_metric_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spell.metric_sender.PATIENCE_S", 0.2)
    monkeypatch.setenv("SPELL_RUN", "1")
    monkeypatch.setenv("SPELL_METRICS", f"127.0.0.1:{free_port()}")
    started = time.monotonic()
    with pytest.warns(SpellMetricWarning):
        for _ in range(100):
            send_metric("loss", 1)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "127.0.0.1:{}x", ":{}", "a b:{}", "[::"])
def test_unreachable(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr("spell.metric_sender.PATIENCE_S", 0.05)
    monkeypatch.setenv("SPELL_RUN", "1")
    monkeypatch.setenv("SPELL_METRICS", host.format(free_port()))
    with pytest.warns(SpellMetricWarning):
        send_metric("loss", 1)
