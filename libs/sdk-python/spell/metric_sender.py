"""Bring metrics to the service that ``SPELL_METRICS`` names.

A metric that comes alone is sent, and its answer awaited. Metrics that follow each other closely are written into one request whose
body stays open, a line each: nobody waits for every single one, and yet none stays in this process, so one that is killed, forked
or replaced loses none. Each has a number, so that what a broken connection may have lost is sent again and taken once.
"""

import os
import time
from typing import TYPE_CHECKING, Callable, List, Optional

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

PATIENCE_S = 3.0
"""How long a metric waits for a service that is being started again."""
_TIMEOUT_S = 5.0
_LINES = "application/x-ndjson"
_CLOSE_S = 0.01
"""A metric that comes so soon after another does not wait for its answer."""
_MAX_WAITING = 5_000
_MAX_OPEN_S = 1.0
_MAX_TRIES = 5


class MetricSender:
    """The way to one service, for one caller at a time. ``send`` and ``settle`` return what went wrong, if anything."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._connection: Optional["HTTPConnection"] = None
        self._path = ""
        self._was_away = False
        self._takes_lines = False
        self._name = os.urandom(8).hex()
        self._waiting: List[bytes] = []
        """What has no answer yet, as chunks of a body; the first has the number ``_answered``."""
        self._answered = 0
        self._is_open = False
        self._opened_at = 0.0
        self._sent_at = 0.0

    def send(self, content: bytes) -> Optional[str]:
        """Send it. What went wrong may be about others before it, too."""
        now = time.monotonic()
        try:
            if not self._takes_lines:
                return self._patiently(lambda: self._post(content))
            self._waiting.append(b"%x\r\n%b\n\r\n" % (len(content) + 1, content))
            if now < self._sent_at + _CLOSE_S and self._has_room(now) and self._write(now):
                return None
            return self.settle()
        except BaseException:
            # Wherever an interruption came: nothing can be said of this connection.
            self.hang_up()
            raise
        finally:
            self._sent_at = time.monotonic()

    def settle(self) -> Optional[str]:
        """Wait until all that was sent is safe. What a broken connection may have lost is sent again."""
        problem = None
        tries = 0
        while self._waiting:
            before = self._answered
            try:
                problem = self._patiently(self._finish) or problem
            except Exception as error:
                if isinstance(error, ConnectionRefusedError) or _is_timeout(error) or tries == _MAX_TRIES:
                    return self._give_up(error)
            tries = tries + 1 if self._answered == before else 0
            if tries > _MAX_TRIES:
                return self._give_up(ConnectionError("the service takes nothing"))
            # One that is about to end is given the time.
            time.sleep(0.025 * 2**tries if tries else 0)
        return problem

    def hang_up(self) -> None:
        """Close the connection, for this process alone."""
        self._is_open = False
        if self._connection is not None:
            self._connection.close()

    def _has_room(self, now: float) -> bool:
        return len(self._waiting) < _MAX_WAITING and (not self._is_open or now < self._opened_at + _MAX_OPEN_S)

    def _write(self, now: float) -> bool:
        """Whether the last metric is on its way."""
        try:
            if self._is_open:
                self._connected().send(self._waiting[-1])
            else:
                self._open(now)
            return True
        except OSError as error:
            self.hang_up()
            if _is_timeout(error):
                raise
            return False

    def _open(self, now: float) -> None:
        """Begin a request with all that waits."""
        connection = self._connected()
        connection.putrequest("POST", self._path, skip_accept_encoding=True)
        connection.putheader("Content-Type", _LINES)
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader("Spell-Sender", self._name)
        connection.putheader("Spell-First", str(self._answered))
        connection.endheaders(b"".join(self._waiting))
        self._is_open = True
        self._opened_at = now

    def _finish(self) -> Optional[str]:
        """End the request that is open, and learn what became of its metrics."""
        if not self._is_open:
            self._open(time.monotonic())
        connection = self._connected()
        connection.send(b"0\r\n\r\n")
        response = connection.getresponse()
        problem = _problem_of(response)
        self._is_open = False
        # The service may have answered before all had arrived: it does not have the others.
        taken = response.headers.get("Spell-Taken", "")
        self._forget(int(taken) - self._answered if taken.isdigit() else len(self._waiting))
        return problem

    def _give_up(self, error: Exception) -> str:
        lost = len(self._waiting)
        self._forget(lost)
        problem = str(error) or type(error).__name__
        return problem if lost < 2 else f"{problem}; {lost - 1} before it may be lost as well"

    def _forget(self, count: int) -> None:
        del self._waiting[: max(0, count)]
        self._answered += max(0, count)

    def _post(self, content: bytes) -> Optional[str]:
        """For a service of which it is not known whether it takes lines. What may have arrived is never sent twice."""
        connection = self._connected()
        connection.request("POST", self._path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        self._takes_lines = _LINES in response.headers.get("Accept-Post", "")
        return _problem_of(response)

    def _patiently(self, exchange: Callable[[], Optional[str]]) -> Optional[str]:
        """Do it, once there is a service that can be reached."""
        started = time.monotonic()
        delay_s = 0.05
        while True:
            try:
                problem = exchange()
                self._was_away = False
                return problem
            except ConnectionRefusedError:
                # After a service that has not come back in time, nobody waits again until it has.
                if self._was_away or time.monotonic() + delay_s > started + PATIENCE_S:
                    self._was_away = True
                    raise
            except BaseException:
                self.hang_up()
                raise
            time.sleep(delay_s)
            delay_s = min(delay_s * 2, 0.5)

    def _connected(self) -> "HTTPConnection":
        if self._connection is None:
            from http.client import HTTPConnection
            from urllib.parse import urlsplit

            url = urlsplit(f"http://{self.address}/user-metrics")
            if not url.hostname:
                raise ValueError("SPELL_METRICS names no host")
            self._connection = HTTPConnection(url.hostname, url.port, timeout=_TIMEOUT_S)
            self._path = url.path
        connection = self._connection
        if self._is_open:
            return connection
        if connection.sock is not None and _has_ended(connection):
            connection.close()
        if connection.sock is None:
            connection.connect()
        return connection


def _problem_of(response: "HTTPResponse") -> Optional[str]:
    text = response.read().decode("utf-8", "replace")
    return None if 200 <= response.status < 300 else f"{response.status} {text[:1000].rstrip()}"


def _has_ended(connection: "HTTPConnection") -> bool:
    """Whether the service has closed a kept connection: nothing else makes it readable between two answers."""
    import select

    try:
        return bool(select.select([connection.sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _is_timeout(error: BaseException) -> bool:
    import socket

    return isinstance(error, socket.timeout)
