"""Send metrics from inside a run. Outside of runs this does nothing."""

import http.client
import json
import operator
import os
import warnings
from typing import Any, Dict, Optional, Union
from urllib.parse import urlsplit

_DEFAULT_HOST = "metricsfw"
_TIMEOUT_S = 5.0


class SpellMetricWarning(UserWarning):
    """A metric was not stored. Losing one is never worth ending a training for, hence no exception."""


def send_metric(name: str, value: Any, index: Optional[int] = None) -> None:
    """Record a value of the metric ``name``: a number, a text, or a scalar of numpy and its like.

    Without ``index`` the server counts on from the metric's former value. Never raises for what goes wrong on the way:
    that becomes a :class:`SpellMetricWarning`.
    """
    if not os.environ.get("SPELL_RUN"):
        return
    try:
        body = _body(name, value, index)
        problem = _post(json.dumps(body, allow_nan=False).encode("utf-8"))
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


def _post(content: bytes) -> Optional[str]:
    """Send it; return what went wrong, if anything."""
    url = urlsplit("http://{}/user-metrics".format(os.environ.get("SPELL_METRICS") or _DEFAULT_HOST))
    if not url.hostname:
        raise ValueError("SPELL_METRICS names no host")
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", url.path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read(1000).decode("utf-8", "replace")
        return None if 200 <= response.status < 300 else f"{response.status} {text}"
    finally:
        connection.close()
