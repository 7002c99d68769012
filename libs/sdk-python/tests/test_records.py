"""Records: dates, equality, construction by hand."""

from datetime import datetime, timezone
from typing import Any, Optional

import pytest

from spell.api import readers
from spell.api.models import LogEntry, Run, User


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


def test_equality_is_by_identity_fields() -> None:
    one = Run.from_json({"id": 1, "status": "running"})
    assert one == Run.from_json({"id": 1, "status": "complete"})
    assert one != Run.from_json({"id": 2, "status": "running"})
    assert one != User(user_name="ada")
    assert len({one, Run.from_json({"id": 1, "status": "saving"})}) == 1


def test_by_hand() -> None:
    entry = LogEntry(log="hi", status="running")
    assert (str(entry), entry.level) == ("hi", None)
    assert repr(entry) == "LogEntry(status='running', log='hi')"
    with pytest.raises(TypeError, match="nonsense"):
        LogEntry(nonsense=1)


def test_repr_shows_what_is_there() -> None:
    run = Run.from_json({"id": 1, "status": "complete", "user_exit_code": 0, "creator": {"user_name": "ada"}})
    assert repr(run) == "Run(id=1, status='complete', creator=User(user_name='ada'), framework='default')"
