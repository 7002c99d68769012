"""Where a reader of a metric stands, so that a broken stream goes on with the next value: none twice, none left out."""

from datetime import datetime, timedelta, timezone
from typing import List, Optional, Tuple, Union

from spell.api import readers
from spell.api.exceptions import JsonDecodeError
from spell.api.session import JsonObject

Metric = Tuple[datetime, int, Union[int, float, str]]

_JUST_BEFORE = timedelta(microseconds=1)


class MetricPosition:
    """Asks for what is later than the last value, and knows how many values had exactly its time."""

    def __init__(self, run_id: int, name: str, offset: Optional[datetime]) -> None:
        self._run_id = str(run_id)
        self._name = name
        self._start = offset if offset is None or offset.tzinfo else offset.replace(tzinfo=timezone.utc)
        self._last: Optional[datetime] = None
        self._seen_at_last = 0
        self._to_skip = 0

    def request(self, follow: bool) -> JsonObject:
        """What to ask for now. The server's offset is exclusive; several values may have one and the same time."""
        self._to_skip = self._seen_at_last
        after = self._start if self._last is None else self._last - _JUST_BEFORE
        offset = None if after is None else _rfc3339(after)
        return {"metrics": [{"name": self._name, "offset": offset}], "follow": bool(follow)}

    def accept(self, event: JsonObject) -> Optional[List[Metric]]:
        """The new values of an event of the stream; None if it is none that brings values."""
        by_run = event.get("metrics_by_run")
        if not isinstance(by_run, dict):
            return None
        metrics = by_run.get(self._run_id)
        series = metrics.get(self._name) if isinstance(metrics, dict) else None
        data = series.get("data") if isinstance(series, dict) else None
        return [metric for metric in map(read_metric, data or []) if self._is_new(metric)]

    def _is_new(self, metric: Metric) -> bool:
        if metric[0] != self._last:
            self._last, self._seen_at_last, self._to_skip = metric[0], 1, 0
            return True
        if self._to_skip > 0:
            self._to_skip -= 1
            return False
        self._seen_at_last += 1
        return True


def read_metric(data: object) -> Metric:
    """Read ``[time, index, value]``."""
    if isinstance(data, (list, tuple)) and len(data) == 3:
        at, index, value = readers.date(data[0]), readers.integer(data[1]), data[2]
        if at is not None and index is not None and isinstance(value, (int, float, str)):
            return at, index, value
    raise JsonDecodeError(f"Expected a metric's [time, index, value], got {data!r}")


def _rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
