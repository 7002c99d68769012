"""send_metric: never an exception, nothing outside of runs."""

import warnings
from typing import Any

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
    ],
)
def test_what_is_no_metric_warns(inside: FakeSpell, arguments: Any) -> None:
    with pytest.warns(SpellMetricWarning):
        send_metric(*arguments)
    assert inside.calls == []


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


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "127.0.0.1:{}x", ":{}", "a b:{}", "[::"])
def test_unreachable(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("SPELL_RUN", "1")
    monkeypatch.setenv("SPELL_METRICS", host.format(free_port()))
    with pytest.warns(SpellMetricWarning):
        send_metric("loss", 1)
