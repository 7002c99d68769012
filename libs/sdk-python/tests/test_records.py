"""Records: dates, equality, construction by hand."""

import pickle
from datetime import datetime, timezone
from typing import Any, Optional

import pytest

from spell.api import models, readers
from spell.api.models import (
    HyperSearchInfo,
    LogEntry,
    LsLine,
    ModelVersion,
    Project,
    RangeSpec,
    Run,
    User,
    ValueSpec,
)


def utc(*parts: int) -> datetime:
    year, month, day, *rest = parts
    return datetime(year, month, day, *rest, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31T12:34:56Z", utc(2024, 1, 31, 12, 34, 56)),
        ("2024-01-31T12:34:56.5Z", utc(2024, 1, 31, 12, 34, 56, 500000)),
        ("2024-01-31T12:34:56.123456789Z", utc(2024, 1, 31, 12, 34, 56, 123456)),
        ("2024-01-31T12:34:56+02:00", utc(2024, 1, 31, 10, 34, 56)),
        ("2024-01-31 12:34:56-0130", utc(2024, 1, 31, 14, 4, 56)),
        ("2024-01-31T12:34:56", utc(2024, 1, 31, 12, 34, 56)),
        ("2024-13-31T12:34:56Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("Wed, 31 Jan 2024 12:34:56 GMT", None),
        ("2024-01-31T12:34:56Z\n", None),
        (1706704496, None),
        (None, None),
    ],
)
def test_dates(text: Any, expected: Optional[datetime]) -> None:
    assert readers.date(text) == expected


def test_equality_is_by_some_of_the_fields() -> None:
    one = Run.from_json({"id": 1, "status": "running", "pip_packages": ["a"], "labels": ["l"]})
    assert one == Run.from_json({"id": 1, "status": "running", "pip_packages": ["a"], "user_exit_code": 3})
    assert one != Run.from_json({"id": 1, "status": "complete", "pip_packages": ["a"]})
    assert one != Run.from_json({"id": 1, "status": "running"})
    assert one != Run.from_json({"id": 2, "status": "running", "pip_packages": ["a"]})
    assert one != User(user_name="ada")
    assert len({one, Run.from_json({"id": 1, "status": "running", "pip_packages": ["a"]})}) == 1
    assert LsLine("a", 3) == LsLine("a", 3, "2024-01-31T12:34:56Z") != LsLine("a", 4)


def test_by_hand() -> None:
    entry = LogEntry(log="hi", status="running")
    assert (str(entry), entry.level) == ("hi", None)
    assert repr(entry) == "LogEntry(status='running', log='hi')"
    # As the server names it, and with what a newer server adds.
    assert LogEntry("running", "hi", **{"@timestamp": "t", "nonsense": 1}).timestamp == "t"


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        (LsLine("a/", None), "LsLine(path='a/')"),
        (User("e", "n", None, None, True), "User(email='e', user_name='n', is_admin=True)"),
        (Project(1, "n", "d"), "Project(id=1, name='n', description='d')"),
        (
            Run(1, "running", "c", None, "CPU", "", None, None, None),
            "Run(id=1, status='running', command='c', gpu='CPU')",
        ),
        (
            ModelVersion(1, "v1", None, None, None, "runs/1", []),
            "ModelVersion(id=1, formatted_version='v1', resource='runs/1')",
        ),
        (HyperSearchInfo(1, 2, "c"), "HyperSearchInfo(id=1, num_runs=2, command='c')"),
        (ValueSpec([1, "b"]), "ValueSpec([1, 'b'])"),
        (RangeSpec(1, 2), "RangeSpec(1, 2, scaling='linear', type='float')"),
    ],
)
def test_by_position(record: object, shown: str) -> None:
    assert repr(record) == shown


def test_positions_are_checked() -> None:
    with pytest.raises(TypeError, match="two values for 'path'"):
        LsLine("a", 3, path="b")
    with pytest.raises(TypeError, match="at most 5 values"):
        LsLine("a", 3, None, None, None, None)
    run = Run(1, "running", labels=None, attached_resources=None)
    assert (run.labels, run.attached_resources, run.framework) == ([], {}, "default")


def test_every_record_is_found_where_scripts_look() -> None:
    for name in models.__all__:
        assert getattr(models, name) is not None
    assert issubclass(models.Run, models.Model)
    run = Run.from_json({"id": 1, "status": "running", "created_at": "2024-01-31T12:34:56Z"})
    assert repr(type(run)) == "<class 'spell.api.models.Run'>"
    assert repr(pickle.loads(pickle.dumps(run))) == repr(run)


def test_repr_shows_what_is_there() -> None:
    run = Run.from_json({"id": 1, "status": "complete", "user_exit_code": 0, "creator": {"user_name": "ada"}})
    assert repr(run) == "Run(id=1, status='complete', creator=User(user_name='ada'))"
