"""Send metrics from inside a run. Outside of runs this does nothing."""

import json
import operator
import os
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any, Dict, Optional, Union

if TYPE_CHECKING:
    from http.client import HTTPConnection

_DEFAULT_HOST = "metricsfw"
_TIMEOUT_S = 5.0
_PATIENCE_S = 3.0
"""How long a metric waits for a service that is being started again."""


class SpellMetricWarning(UserWarning):
    """A metric was not stored. Losing one is never worth ending a training for, hence no exception."""


def send_metric(name: str, value: Any, index: Optional[int] = None) -> None:
    """Record a value of the metric ``name``: a number, a text, or a scalar of numpy and its like.

    Without ``index`` the server counts on from the metric's former value. Never raises for what goes wrong on the way:
    that becomes a :class:`SpellMetricWarning`. Returns when the value is safe; threads may call it at the same time.
    """
    if not os.environ.get("SPELL_RUN"):
        return
    try:
        body = _body(name, value, index)
        problem = _service.post(json.dumps(body, allow_nan=False).encode("utf-8"))
    except Exception as error:  # item() of a foreign type may raise anything
        problem = str(error) or type(error).__name__
    if problem:
        warnings.warn(f"Metric {name!r} was not sent: {problem}", SpellMetricWarning, stacklevel=2)


def _body(name: object, value: object, index: object) -> Dict[str, Union[str, int, float]]:
    if not isinstance(name, str):
        raise TypeError(f"its name is no text but a {type(name).__name__}")
    plain = _plain(value)
    kind = "text" if isinstance(plain, str) else "number"
    body: Dict[str, Union[str, int, float]] = {"name": name, "type": kind, kind: plain}
    if index is not None:
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise TypeError(f"its index is no integer but a {type(index).__name__}")
        body["index"] = operator.index(index)
    return body


def _plain(value: Any) -> Union[str, int, float]:
    # Scalars of numpy, torch and others say what they are in Python through item().
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value
    if isinstance(plain, bool):
        return int(plain)
    if isinstance(plain, (int, float, str)):
        return plain
    raise TypeError(f"its value is neither number nor text but a {type(value).__name__}")


class _Kept:
    """A connection that is closed when its thread ends."""

    def __init__(self, connection: "HTTPConnection") -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class _Service(threading.local):
    """The service that ``SPELL_METRICS`` names, over a connection of each thread's own, which is kept."""

    address = ""
    process_id = 0
    path = ""
    kept: Optional[_Kept] = None
    was_away = False

    def post(self, content: bytes) -> Optional[str]:
        """Send it; return what went wrong, if anything. What may have arrived is never sent twice."""
        address = os.environ.get("SPELL_METRICS") or _DEFAULT_HOST
        if (address, os.getpid()) != (self.address, self.process_id):
            self._choose(address)
        started = time.monotonic()
        delay_s = 0.05
        while True:
            try:
                problem = self._exchange(content)
                self.was_away = False
                return problem
            except ConnectionRefusedError:
                # After a service that has not come back in time, nobody waits again until it has.
                if self.was_away or time.monotonic() + delay_s > started + _PATIENCE_S:
                    self.was_away = True
                    raise
            time.sleep(delay_s)
            delay_s = min(delay_s * 2, 0.5)

    def _choose(self, address: str) -> None:
        from http.client import HTTPConnection
        from urllib.parse import urlsplit

        url = urlsplit(f"http://{address}/user-metrics")
        if not url.hostname:
            raise ValueError("SPELL_METRICS names no host")
        # A child process sends nothing over its parent's connection.
        self.kept = _Kept(HTTPConnection(url.hostname, url.port, timeout=_TIMEOUT_S))
        self.path = url.path
        self.address, self.process_id, self.was_away = address, os.getpid(), False

    def _exchange(self, content: bytes) -> Optional[str]:
        assert self.kept is not None
        connection = self.kept.connection
        try:
            if connection.sock is not None and _has_ended(connection):
                connection.close()
            if connection.sock is None:
                connection.connect()
            connection.request("POST", self.path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
            return None if 200 <= response.status < 300 else f"{response.status} {text[:1000].rstrip()}"
        except BaseException:
            connection.close()
            raise


def _has_ended(connection: "HTTPConnection") -> bool:
    """Whether the service has closed a kept connection: nothing else makes it readable between two answers."""
    import select

    try:
        return bool(select.select([connection.sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


_service = _Service()
