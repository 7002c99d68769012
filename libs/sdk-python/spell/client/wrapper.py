"""Objects that can act, around records that cannot."""

from typing import Any, List

from spell.api.client import APIClient
from spell.api.record import Record


class RecordWrapper:
    """Holds a record and forwards to it every attribute it lacks itself; looks like the record when printed."""

    _record_name = ""
    """Name of the attribute that holds the record."""

    def __init__(self, api: APIClient, record: Record) -> None:
        self._api = api
        setattr(self, self._record_name, record)

    def __getattr__(self, name: str) -> Any:
        # Called only for what is not found otherwise. The record is looked up in __dict__, because before __init__
        # (copy, pickle) asking for it as an attribute would come back here.
        record = self.__dict__.get(self._record_name)
        if record is None or name.startswith("_") or not hasattr(record, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(record, name)

    def __dir__(self) -> List[str]:
        record = self.__dict__.get(self._record_name)
        return sorted(set(super().__dir__()) | {name for name in vars(record or self) if not name.startswith("_")})

    def __repr__(self) -> str:
        return repr(getattr(self, self._record_name))
