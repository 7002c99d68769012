"""Kept-alive connections to one server.

A connection is *idle* (in the deque) or *taken* by one exchange. Taking and keeping are single deque operations, so any
number of threads may share one :class:`Connections` without a lock. A child process made by fork never uses its
parent's connections.
"""

import collections
import http.client
import os
import select
import socket
import time
from typing import Deque, Optional, Tuple

from spell.api.base_url import parse_base_url
from spell.api.broken import Broken, Request
from spell.api.exchange import Exchange

CONNECT_TIMEOUT_S = 6.0
_CONNECT_TIMEOUT_WITH_OTHERS_S = 2.0
_PROBE_TIMEOUT_S = 2.0
_MAX_IDLE = 16
_MAX_IDLE_S = 60.0


class Connections:
    """The connections to one server."""

    def __init__(self, base_url: str, others: bool = False) -> None:
        """Raise :class:`ClientException` where the URL is none that can be asked.

        ``others``: there are other servers to turn to, so this one is not waited for where it does not answer at all.
        """
        self._others = others
        self._connect_timeout_s = _CONNECT_TIMEOUT_WITH_OTHERS_S if others else CONNECT_TIMEOUT_S
        self._seen_alive = 0.0
        self.url = base_url.rstrip("/")
        self._tls, self._host, self._port, self._prefix = parse_base_url(self.url)
        self._tls_context: Optional[object] = None
        self._idle: Deque[Tuple[http.client.HTTPConnection, int, float]] = collections.deque(maxlen=_MAX_IDLE)

    def exchange(self, request: Request) -> Exchange:
        """Send the request and read the head of the answer. Raises :class:`Broken`."""
        # The server may close a kept connection at the very moment it is used again. Only a repeatable request can find
        # that out by trying, so every other one gets a connection of its own.
        kept = self._take_idle() if request.repeatable else None
        if kept is not None:
            try:
                return self._send(kept, request)
            except Broken as broken:
                if broken.hopeless or isinstance(broken.cause, socket.timeout):
                    raise
                self.close()
        return self._send(self._connect(), request)

    def close(self) -> None:
        """Close the idle connections; the next request opens a new one."""
        while True:
            try:
                self._idle.pop()[0].close()
            except IndexError:
                return

    def _take_idle(self) -> Optional[http.client.HTTPConnection]:
        while True:
            try:
                connection, process_id, since = self._idle.pop()
            except IndexError:
                return None
            if process_id == os.getpid() and time.monotonic() - since < _MAX_IDLE_S and _is_quiet(connection):
                return connection
            connection.close()

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        """Keep a connection whose exchange was read to its end."""
        if len(self._idle) >= _MAX_IDLE:
            connection.close()
        else:
            self._idle.append((connection, os.getpid(), time.monotonic()))

    def _connect(self) -> http.client.HTTPConnection:
        connection = self._new_connection()
        try:
            connection.connect()
            if self._others and not self._tls:
                from spell.api.watched_socket import WatchedSocket

                connection.sock = WatchedSocket.over(connection.sock, self._is_alive)
        except (OSError, ValueError, http.client.HTTPException) as error:
            connection.close()
            raise Broken(error, sent=False, hopeless=_is_hopeless(error)) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _new_connection(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._connect_timeout_s)
        import ssl

        if not isinstance(self._tls_context, ssl.SSLContext):
            self._tls_context = ssl.create_default_context()
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._connect_timeout_s, context=self._tls_context)

    def _is_alive(self) -> bool:
        """Whether the server answers at all. Many waiting threads ask once together."""
        if time.monotonic() - self._seen_alive < _PROBE_TIMEOUT_S:
            return True
        probe = http.client.HTTPConnection(self._host, self._port, timeout=_PROBE_TIMEOUT_S)
        try:
            probe.request("GET", self._prefix + "/healthz")
            probe.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            probe.close()
        self._seen_alive = time.monotonic()
        return True

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> Exchange:
        sock = connection.sock
        try:
            sock.settimeout(request.read_timeout_s)
            connection.request(request.method, self._prefix + request.target, request.body, request.headers)
            return Exchange(connection, self.url + request.target, self._keep)
        except ValueError as error:  # a header or path that HTTP cannot carry
            connection.close()
            raise Broken(error, sent=False, hopeless=True) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Broken(error, sent=True, hopeless=isinstance(error, http.client.InvalidURL)) from error
        except BaseException:
            connection.close()
            raise


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing has arrived since the last answer: neither the end nor a word nobody asked for."""
    try:
        return not select.select([connection.sock], [], [], 0)[0]
    except (OSError, ValueError, TypeError):
        return False


def _is_hopeless(error: BaseException) -> bool:
    # By name, so that plain HTTP never needs ssl.
    return type(error).__name__ in ("SSLCertVerificationError", "InvalidURL") or isinstance(error, UnicodeError)
