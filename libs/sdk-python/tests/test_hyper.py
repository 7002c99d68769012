"""Hyper-parameter searches: what is asked for, what comes back."""

from datetime import datetime, timezone
from typing import Any, Dict

import pytest
from fake_spell import FakeSpell, run_json, says

from spell.api.exceptions import ClientException
from spell.api.models import HyperSearchInfo
from spell.client import RangeSpec, SpellClient, ValueSpec
from spell.client.hyper import HyperSearch, HyperService, Params
from spell.client.runs import Run

AT = "2024-01-31T12:34:56.123456Z"
SEARCH: Dict[str, Any] = {
    "id": 3,
    "status": "running",
    "gpu": "CPU",
    "command": "x :lr:",
    "created_at": AT,
    "parameter_spec": {"grid_params": {"lr": {"values": [1, 2]}}},
    "runs": [run_json(7, hyper_params={"lr": 1}), run_json(8, hyper_params={"lr": 2})],
}


@pytest.fixture
def created(server: FakeSpell) -> FakeSpell:
    server.on("POST", "runs/ada/hyper_search", says({"hyper_search": SEARCH}))
    server.on("GET", "runs/ada/hyper_search/3", says({"hyper_search": dict(SEARCH, status="complete", runs=[])}))
    return server


def asked(server: FakeSpell) -> Any:
    body = server.bodies("runs/ada/hyper_search")[-1]
    run = body.pop("run")
    assert (run["command"], run["gpu"], run["run_type"]) == ("x :lr:", "CPU", "user")
    return body


def test_grid(created: FakeSpell, client: SpellClient) -> None:
    search = client.hyper.new_grid_search({"lr": ValueSpec((1, 2.5, "1e4"))}, command="x :lr:", envvars=None)
    assert asked(created) == {"grid_params": {"lr": {"values": [1, 2.5, "1e4"]}}}
    assert isinstance(search, HyperSearch)
    assert (search.id, search.hyper.id, search.status) == (3, 3, "running")
    assert all(isinstance(run, Run) for run in search.runs)
    assert [(run.id, run.hyper_params) for run in search.runs] == [(7, {"lr": 1}), (8, {"lr": 2})]
    assert repr(search) == repr(search.hyper)
    search.refresh()
    assert (search.status, search.runs) == ("complete", [])
    assert "Idempotency-Key" in created.calls[0].headers


def test_random(created: FakeSpell, client: SpellClient) -> None:
    params: Params = {
        "lr": RangeSpec(0.1, 1, client.hyper.LOG),
        "n": RangeSpec(16, 128, type="int"),
        "c": ValueSpec(["a"]),
    }
    client.hyper.new_random_search(params=params, num_runs=5, command="x :lr:")
    assert asked(created) == {
        "num_runs": 5,
        "random_params": {
            "lr": {"range_spec": {"min": 0.1, "max": 1, "scaling": "log", "type": "float"}},
            "n": {"range_spec": {"min": 16, "max": 128, "scaling": "linear", "type": "int"}},
            "c": {"value_spec": {"values": ["a"]}},
        },
    }


def test_bayesian(created: FakeSpell, client: SpellClient) -> None:
    client.hyper.new_bayesian_search({"lr": RangeSpec(0.1, 1)}, 6, 2, "keras/val_acc", "max", command="x :lr:")
    assert asked(created) == {
        "num_runs": 6,
        "parallel_runs": 2,
        "metric": "keras/val_acc",
        "metric_aggregation": "max",
        "bayesian_params": {"lr": {"min": 0.1, "max": 1, "scaling": "linear", "type": "float"}},
    }


class Scalar:
    """Looks like a scalar of a numeric package."""

    def __init__(self, value: float) -> None:
        self._value = value

    def tolist(self) -> float:
        return self._value


def test_numbers_of_numeric_packages(created: FakeSpell, client: SpellClient) -> None:
    half: Any = Scalar(0.5)
    params: Params = {"a": ValueSpec([Scalar(1), 2]), "b": RangeSpec(half, 2)}
    client.hyper.new_random_search(params, 3, command="x :lr:")
    sent = created.bodies("runs/ada/hyper_search")[0]["random_params"]
    assert sent["a"] == {"value_spec": {"values": [1, 2]}}
    assert sent["b"]["range_spec"] == {"min": 0.5, "max": 2, "scaling": "linear", "type": "float"}


def test_wrong_specs_and_keywords(server: FakeSpell, client: SpellClient) -> None:
    with pytest.raises(ClientException, match="'lr' must be a ValueSpec here"):
        client.hyper.new_grid_search({"lr": RangeSpec(1, 2)}, command="x")  # type: ignore[dict-item]
    with pytest.raises(ClientException, match="ValueSpec or a RangeSpec"):
        client.hyper.new_random_search({"lr": 5}, 1, command="x")  # type: ignore[dict-item]
    with pytest.raises(ClientException, match="'lr' must be a RangeSpec here"):
        client.hyper.new_bayesian_search({"lr": ValueSpec([1])}, 6, 2, "m", "max")  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="nonsense"):
        client.hyper.new_grid_search({"lr": ValueSpec([1])}, nonsense=1)
    assert server.calls == []


def test_find_and_end(created: FakeSpell, client: SpellClient) -> None:
    info = {"id": 3, "num_runs": 2, "created_at": AT, "command": "x"}
    created.on("GET", "runs/ada/hyper_search", says({"hyper_searches": [info]}))
    assert client.hyper.list() == [HyperSearchInfo.from_json(info)]
    search = client.hyper.get(3)
    for verb in ("stop", "kill"):
        created.on("POST", f"runs/ada/hyper_search/3/{verb}", says({}))
        getattr(search, verb)()
    created.on("DELETE", "runs/ada/hyper_search/3", says({}))
    client.hyper.archive(3)
    assert [(call.method, call.path) for call in created.calls[-3:]] == [
        ("POST", "/v1/runs/ada/hyper_search/3/stop"),
        ("POST", "/v1/runs/ada/hyper_search/3/kill"),
        ("DELETE", "/v1/runs/ada/hyper_search/3"),
    ]
    with pytest.raises(AttributeError, match="'HyperSearch' object has no attribute 'nonsense'"):
        search.nonsense()


def test_metrics(created: FakeSpell, client: SpellClient) -> None:
    base = "runs/ada/hyper_search/3/"
    created.on("GET", base + "metric-names", says({"metric_names": [{"name": "loss"}, {"name": "a/b"}]}))
    created.on("GET", base + "metrics/a%2Fb", says({"metrics": {"7": {"data": [[AT, 0, 1.5], [AT, 1, 2]]}, "8": {}}}))
    search = client.hyper.get(3)
    assert search.metric_names() == ["loss", "a/b"]
    at = datetime(2024, 1, 31, 12, 34, 56, 123456, timezone.utc)
    found = search.metrics("a/b")
    assert {run_id: list(values) for run_id, values in found.items()} == {7: [(at, 0, 1.5), (at, 1, 2)], 8: []}


def test_constants() -> None:
    service = HyperService
    assert (service.LINEAR, service.LOG, service.REVERSE_LOG) == ("linear", "log", "reverse_log")
    assert (service.FLOAT, service.INT) == ("float", "int")
