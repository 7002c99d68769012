"""Hyper-parameter searches: what may be tried, and the runs that try it."""

from datetime import datetime
from typing import Any, Dict, List, Optional, Sequence, Union

from spell.api import readers
from spell.api.models.runs import Run
from spell.api.models.users import User
from spell.api.record import Record, many, one

LINEAR = "linear"
LOG = "log"
REVERSE_LOG = "reverse_log"
FLOAT = "float"
INT = "int"

Number = Union[int, float]


class ValueSpec:
    """A parameter that takes one of these values; each is put into the command as it is written."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    def to_payload(self) -> Dict[str, Any]:
        """What the server takes."""
        return {"values": self.values if isinstance(self.values, str) else list(self.values)}

    def __repr__(self) -> str:
        return f"ValueSpec({self.values!r})"


class RangeSpec:
    """A parameter drawn from ``min`` to ``max``, both possible.

    ``scaling``: ``linear``, ``log`` (small values as likely as large ones) or ``reverse_log`` (the same, seen from the
    upper end). ``type``: ``float`` or ``int``.
    """

    def __init__(self, min: Number, max: Number, scaling: str = LINEAR, type: str = FLOAT) -> None:
        self.min = min
        self.max = max
        self.scaling = scaling
        self.type = type

    def to_payload(self) -> Dict[str, Any]:
        """What the server takes."""
        return {"min": self.min, "max": self.max, "scaling": self.scaling, "type": self.type}

    def __repr__(self) -> str:
        return f"RangeSpec({self.min!r}, {self.max!r}, scaling={self.scaling!r}, type={self.type!r})"


class HyperSearch(Record):
    """A search with its runs. The one key of ``parameter_spec`` names its kind: ``grid_params`` and so on."""

    id: int
    status: Optional[str]
    runs: List[Run]
    gpu: Optional[str]
    parameter_spec: Any
    command: Optional[str]
    created_at: Optional[datetime]
    started_at: Optional[datetime]
    ended_at: Optional[datetime]
    creator: Optional[User]
    description: Optional[str]

    _fields = (
        ("id", readers.required_integer),
        ("status", readers.text),
        ("runs", many(Run)),
        ("gpu", readers.text),
        ("parameter_spec", readers.anything),
        ("command", readers.text),
        ("created_at", readers.date),
        ("started_at", readers.date),
        ("ended_at", readers.date),
        ("creator", one(User)),
        ("description", readers.text),
    )
    _positions = (
        *("id", "gpu", "parameter_spec", "command", "created_at", "creator", "description"),
        *("status", "runs", "started_at", "ended_at"),
    )
    _compared = ("id", "runs", "status", "command", "creator", "gpu", "parameter_spec")


class HyperSearchInfo(Record):
    """A search as lists show it: how many runs it has, and not the runs."""

    id: int
    num_runs: Optional[int]
    command: Optional[str]
    created_at: Optional[datetime]
    started_at: Optional[datetime]
    ended_at: Optional[datetime]
    creator: Optional[User]

    _fields = (
        ("id", readers.required_integer),
        ("num_runs", readers.integer),
        ("command", readers.text),
        ("created_at", readers.date),
        ("started_at", readers.date),
        ("ended_at", readers.date),
        ("creator", one(User)),
    )
    _positions = ("id", "num_runs", "command", "creator", "created_at", "started_at", "ended_at")
    _compared = ("id", "num_runs", "command", "created_at", "creator")
