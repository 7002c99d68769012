"""Reading metrics and waiting for them, over streams that break."""

from datetime import datetime, timedelta, timezone
from typing import Any, List

import pytest
from fake_spell import FakeSpell, streams

from spell.api.exceptions import JsonDecodeError, WaitError
from spell.client import SpellClient
from spell.client.runs import Run

PATH = "runs/ada/7/user-metrics"


def at(second: int) -> datetime:
    return datetime(2024, 1, 31, 12, 0, second, tzinfo=timezone.utc)


def point(second: int, index: int, value: Any) -> List[Any]:
    return [f"2024-01-31T12:00:{second:02}Z", index, value]


def values(*points: List[Any], **more: Any) -> Any:
    return {"metrics_by_run": {"7": {"loss": {"data": list(points)}}}, **more}


def test_what_there_is_now(server: FakeSpell, run: Run) -> None:
    server.on("POST", PATH, streams({"connected": True}, values(point(1, 0, 2.5), point(2, 1, "good"))))
    assert list(run.metrics("loss")) == [(at(1), 0, 2.5), (at(2), 1, "good")]
    assert server.bodies(PATH) == [{"metrics": [{"name": "loss", "offset": None}], "follow": False}]


def test_none_yet(server: FakeSpell, run: Run) -> None:
    server.on("POST", PATH, streams({"connected": True}, {"metrics_by_run": {}, "finished": True}))
    assert list(run.metrics("loss")) == []


@pytest.mark.parametrize(
    ("start", "sent"),
    [
        (datetime(2024, 1, 31, 12, 0, 0, 5), "2024-01-31T12:00:00.000005Z"),
        (at(0), "2024-01-31T12:00:00Z"),
        (datetime(2024, 1, 31, 14, tzinfo=timezone(timedelta(hours=2))), "2024-01-31T14:00:00+02:00"),
    ],
)
def test_start(server: FakeSpell, run: Run, start: datetime, sent: str) -> None:
    server.on("POST", PATH, streams(values(point(1, 0, 1))))
    assert list(run.metrics("loss", start=start)) == [(at(1), 0, 1)]
    assert server.bodies(PATH)[0]["metrics"] == [{"name": "loss", "offset": sent}]


def test_following_through_a_broken_stream(server: FakeSpell, run: Run) -> None:
    first = streams(values(point(1, 0, 1)), values(point(2, 1, 1), point(2, 2, 2)), end=False, stream="1")
    second = streams(
        values(point(2, 1, 1), point(2, 2, 2), point(2, 3, 3), point(3, 4, 4)),
        {"metrics_by_run": {}, "finished": True},
        stream="1",
    )
    server.on("POST", PATH, first, second)
    assert [value for _, _, value in run.metrics("loss", follow=True)] == [1, 1, 2, 3, 4]
    assert server.bodies(PATH)[1]["metrics"] == [{"name": "loss", "offset": "2024-01-31T12:00:01.999999Z"}]


def test_finished_with_the_last_values(server: FakeSpell, run: Run) -> None:
    server.on("POST", PATH, streams(values(point(1, 0, 1), finished=True), stream="1"))
    assert len(list(run.metrics("loss", follow=True))) == 1
    assert len(server.bodies(PATH)) == 1


@pytest.mark.parametrize("bad", [[], ["2024-01-31T12:00:00Z", 0], ["soon", 0, 1], ["2024-01-31T12:00:00Z", "x", 1], 5])
def test_nonsense(server: FakeSpell, run: Run, bad: Any) -> None:
    server.on("POST", PATH, streams(values(bad)))
    with pytest.raises(JsonDecodeError):
        list(run.metrics("loss"))


def test_wait_metric(server: FakeSpell, client: SpellClient, run: Run) -> None:
    path = "runs/ada/7/wait_metric"
    server.on("POST", path, streams({"connected": True}, end=False), streams({"connected": True}, {"success": True}))
    run.wait_metric("loss", client.runs.LESS_THAN, 0.5)
    assert server.bodies(path) == [{"metric_name": "loss", "condition": "lt", "value": 0.5}] * 2
    server.on("POST", path, streams({"success": False, "error": "it ended"}))
    with pytest.raises(WaitError, match="it ended"):
        run.wait_metric("loss", client.runs.LESS_THAN, 0.5)


def test_stats(server: FakeSpell, client: SpellClient) -> None:
    stats = {"cpu_percentage": 12.5, "memory": 5, "memory_total": 10, "memory_percentage": 50, "network_rx": 1}
    gpus = [{"name": "A", "temperature": 40}]
    server.on("POST", "runs/ada/7/stats", streams({"cpu_stats": stats, "gpu_stats": gpus}, {"finished": True}))
    ((cpu, gpu),) = client.api.get_stats(7, follow=True)
    assert cpu is not None
    assert (cpu.cpu_percentage, cpu.memory_percentage, cpu.block_write) == (12.5, 50, 0)
    assert gpu is not None
    assert repr(gpu) == "[GPUStats(name='A', temperature=40)]"
