"""Send metrics from inside a run. Outside of runs this does nothing."""

import atexit
import json
import operator
import os
import threading
import warnings
from typing import Any, Dict, Optional, Set, Union

from spell.metric_sender import MetricSender

_DEFAULT_HOST = "metricsfw"
_MAX_NAME_CHARACTERS = 200
_MAX_TEXT_CHARACTERS = 8_192
_MAX_INDEX = 2**53 - 1


class SpellMetricWarning(UserWarning):
    """A metric was not stored. Losing one is never worth ending a training for, hence no exception."""


def send_metric(name: str, value: Any, index: Optional[int] = None) -> None:
    """Record a value of the metric ``name``: a number, a text, or a scalar of numpy and its like.

    Without ``index`` the server counts on from the metric's former value. Never raises for what goes wrong on the way:
    that becomes a :class:`SpellMetricWarning`. When it returns, the value is recorded even if this process is killed at
    once. Of metrics that follow each other closely, what the server says against one may become known at a later one.
    Threads may call it at the same time.
    """
    if not os.environ.get("SPELL_RUN"):
        return
    try:
        problem = _send(_encode(_body(name, value, index)).encode("utf-8"))
    except Exception as error:  # item() of a foreign type may raise anything
        problem = str(error) or type(error).__name__
    if problem:
        warnings.warn(f"Metric {name!r} was not sent: {problem}", SpellMetricWarning, stacklevel=2)


_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def _body(name: object, value: object, index: object) -> Dict[str, Union[str, int, float]]:
    if not isinstance(name, str):
        raise TypeError(f"its name is no text but a {type(name).__name__}")
    _check_name(name)
    plain = _plain(value)
    kind = "text" if isinstance(plain, str) else "number"
    body: Dict[str, Union[str, int, float]] = {"name": name, "type": kind, kind: plain}
    if index is not None:
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise TypeError(f"its index is no integer but a {type(index).__name__}")
        whole = operator.index(index)
        if abs(whole) > _MAX_INDEX:
            raise ValueError("its index is no whole number below 2^53")
        body["index"] = whole
    return body


_checked_names: Set[str] = set()


def _check_name(name: str) -> None:
    """What the server refuses is said at once: many metrics do not wait for its answer."""
    if name in _checked_names:
        return
    length = _characters(name)
    if not 1 <= length <= _MAX_NAME_CHARACTERS:
        raise ValueError(f"a name has 1 to {_MAX_NAME_CHARACTERS} characters; this one has {length}")
    if any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in name):
        raise ValueError("its name holds a control character: leave it out")
    if len(_checked_names) < 1_000:
        _checked_names.add(name)


def _plain(value: Any) -> Union[str, int, float]:
    # Scalars of numpy, torch and others say what they are in Python through item().
    item = getattr(value, "item", None)
    plain = item() if callable(item) else value
    if isinstance(plain, bool):
        return int(plain)
    if isinstance(plain, (int, float)):
        float(plain)  # an integer that is too large raises
        return plain
    if not isinstance(plain, str):
        raise TypeError(f"its value is neither number nor text but a {type(value).__name__}")
    if len(plain) * 2 > _MAX_TEXT_CHARACTERS and _characters(plain) > _MAX_TEXT_CHARACTERS:
        raise ValueError(f"its text has {_characters(plain)} characters; at most {_MAX_TEXT_CHARACTERS} are kept")
    return plain


def _characters(text: str) -> int:
    """As the server counts them: those beyond the first 65,536 are two."""
    return len(text) + sum(letter > "\uffff" for letter in text)


_lock = threading.RLock()
_sender: Optional[MetricSender] = None
_is_busy = False


def _send(content: bytes) -> Optional[str]:
    """Over one connection for all threads: what one sends after another has sent comes after it."""
    global _sender, _is_busy
    address = os.environ.get("SPELL_METRICS") or _DEFAULT_HOST
    with _lock:
        if _is_busy:
            return _send_aside(MetricSender(address), content)
        _is_busy = True
        try:
            if _sender is None or _sender.address != address:
                _settle()
                _sender = MetricSender(address)
            return _sender.send(content)
        finally:
            _is_busy = False


def _send_aside(sender: MetricSender, content: bytes) -> Optional[str]:
    """From a signal handler that has interrupted this thread while it sends."""
    try:
        return sender.send(content)
    finally:
        sender.hang_up()


def _settle() -> None:
    """Nothing of a former address, and of a process that ends, stays without an answer."""
    with _lock:
        if _sender is None:
            return
        problem = _sender.settle()
        _sender.hang_up()
    if problem:
        warnings.warn(f"Metrics were not sent: {problem}", SpellMetricWarning, stacklevel=1)


def _begin_as_child() -> None:
    """A child process sends nothing over its parent's connection, and holds it open no longer."""
    global _lock, _sender, _is_busy
    _lock = threading.RLock()
    _is_busy = False
    if _sender is not None:
        _sender.hang_up()
    _sender = None


atexit.register(_settle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_as_child)
