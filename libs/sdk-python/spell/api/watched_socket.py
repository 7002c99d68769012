"""A socket whose other side is looked after while it says nothing: a process that was stopped keeps its connections open for ever."""

import select
import socket
from typing import Any, Callable

SILENCE_S = 2.0
"""After so long a silence the other side is asked whether it lives."""


class WatchedSocket(socket.socket):
    """Takes the place of a connected socket. Reading from it fails where the other side does not live any more."""

    is_alive: Callable[[], bool]

    @classmethod
    def over(cls, plain: socket.socket, is_alive: Callable[[], bool]) -> "WatchedSocket":
        """Take over a socket, which is of no use afterwards."""
        timeout_s = plain.gettimeout()
        watched = cls(fileno=plain.detach())
        watched.settimeout(timeout_s)
        watched.is_alive = is_alive
        return watched

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read what has arrived."""
        limit_s = self.gettimeout()
        waited_s = 0.0
        while not select.select([self], [], [], SILENCE_S if limit_s is None else min(SILENCE_S, limit_s))[0]:
            waited_s += SILENCE_S
            if limit_s is not None and waited_s >= limit_s:
                raise socket.timeout("timed out")
            if not self.is_alive():
                raise ConnectionAbortedError("it has stopped answering")
        return super().recv_into(*args, **kwargs)
