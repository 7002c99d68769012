"""Readers of single JSON values: each takes whatever the server sent and returns what the field promises.

A value of the wrong kind reads as if it were absent, so that one odd field never makes a whole record unreadable.
"""

import re
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

from spell.api.exceptions import JsonDecodeError

_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?\s*(?:(Z)|([+-])(\d\d):?(\d\d))?\Z", re.ASCII
)


def anything(value: Any) -> Any:
    """The value as it came."""
    return value


def text(value: Any) -> Optional[str]:
    """A text that can be printed and written as UTF-8, or None."""
    if not isinstance(value, str):
        return None
    if value.isascii() or not _SURROGATE.search(value):
        return value
    # JSON can carry halves of surrogate pairs; printing one would end the user's script.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def required_text(value: Any) -> str:
    """A text; raises :class:`JsonDecodeError` if it is none."""
    read = text(value)
    if read is None:
        raise JsonDecodeError(f"Expected a text, got {value!r}")
    return read


def log_text(value: Any) -> str:
    """A text, empty if there is none."""
    return text(value) or ""


def integer(value: Any) -> Optional[int]:
    """An integer, also one written as text, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, str)):
        try:
            return int(value)
        except ValueError:
            return None
    return None


def required_integer(value: Any) -> int:
    """An integer; raises :class:`JsonDecodeError` if it is none."""
    read = integer(value)
    if read is None:
        raise JsonDecodeError(f"Expected a number, got {value!r}")
    return read


def count(value: Any) -> float:
    """A number, 0 if there is none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def flag(value: Any) -> Optional[bool]:
    """True, False, or None."""
    return value if isinstance(value, bool) else None


def plain_flag(value: Any) -> bool:
    """True or False, False if absent."""
    return value is True


def date(value: Any) -> Optional[datetime]:
    """A time in UTC, read from ISO 8601 (fractions beyond microseconds are cut), or None."""
    match = _DATE.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
    micros = int((match.group(7) or "").ljust(6, "0"))
    try:
        local = datetime(year, month, day, hour, minute, second, micros, timezone.utc)
        if match.group(9):
            ahead = timedelta(hours=int(match.group(10)), minutes=int(match.group(11)))
            local = local - ahead if match.group(9) == "+" else local + ahead
        return local
    except (ValueError, OverflowError):
        return None


def texts(value: Any) -> List[str]:
    """A list of texts; what is none is left out."""
    return [item for item in map(text, value) if item is not None] if isinstance(value, list) else []


def names(value: Any) -> List[str]:
    """The names of a list of ``{"name": …}`` objects (or of plain texts)."""
    if not isinstance(value, list):
        return []
    return texts([item.get("name") if isinstance(item, dict) else item for item in value])


def mapping(value: Any) -> Dict[str, Any]:
    """An object, empty if absent."""
    return value if isinstance(value, dict) else {}


_SURROGATE = re.compile("[\ud800-\udfff]")
