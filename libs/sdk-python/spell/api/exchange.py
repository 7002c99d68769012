"""One answer of the server, from its head to its end."""

import http.client
from typing import Callable, Dict, Iterator, List

from spell.api.broken import Broken
from spell.api.exceptions import ClientException
from spell.api.response import Response

MAX_BODY_BYTES = 256 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024 * 1024
_END_OF_STREAM_TIMEOUT_S = 0.05
_READ_BYTES = 64 * 1024

Keep = Callable[[http.client.HTTPConnection], None]


class Exchange:
    """An answer whose head has arrived. End it with :meth:`read`, :meth:`finish` or :meth:`close`."""

    def __init__(self, connection: http.client.HTTPConnection, url: str, keep: Keep) -> None:
        self._keep = keep
        self._connection = connection
        self._sock = connection.sock
        self._response = connection.getresponse()
        self.url = url
        self.status_code = self._response.status
        self.rest = b""

    @property
    def headers(self) -> Dict[str, str]:
        """Header names in lower case."""
        return {name.lower(): value for name, value in self._response.getheaders()}

    def read(self) -> Response:
        """Read the whole answer. Raises :class:`Broken`, or :class:`ClientException` if it is absurdly long."""
        try:
            content = self._read_body()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Broken(error, sent=True) from error
        except BaseException:
            self.close()
            raise
        response = Response(self.url, self.status_code, self._response.reason, self.headers, content)
        self._give_back()
        return response

    def lines(self) -> Iterator[bytes]:
        """The answer's lines as they arrive, without their ``\\n``; nothing else ends a line.

        What follows the last ``\\n`` is left in :attr:`rest`. Raises as :meth:`read` does.
        """
        parts: List[bytes] = []
        size_bytes = 0
        while True:
            try:
                data = self._response.read1(_READ_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise Broken(error, sent=True) from error
            pieces = data.split(b"\n")
            size_bytes += len(pieces[0])
            if size_bytes > MAX_LINE_BYTES:
                raise ClientException(f"{self.url} sent a line of more than {MAX_LINE_BYTES} bytes")
            parts.append(pieces[0])
            if len(pieces) > 1:
                yield b"".join(parts)
                yield from pieces[1:-1]
                parts = [pieces[-1]]
                size_bytes = len(pieces[-1])
            if not data:
                self.rest = b"".join(parts)
                return

    def some(self, size_bytes: int) -> bytes:
        """The next bytes, at most so many; none at the end. Raises :class:`Broken`."""
        try:
            data = self._response.read(size_bytes)
            # Python itself says nothing where fewer bytes come than were announced.
            if not data and self._response.length:
                raise http.client.IncompleteRead(data, self._response.length)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(error, sent=True) from error
        return data

    def finish(self) -> None:
        """Done with the lines: keep the connection if the answer ends here, as it should; else close it."""
        try:
            self._sock.settimeout(_END_OF_STREAM_TIMEOUT_S)
            at_end = not self._response.read1(1)
        except (OSError, ValueError, http.client.HTTPException):
            at_end = False
        if at_end:
            self._give_back()
        else:
            self.close()

    def close(self) -> None:
        """Give the exchange up; the connection cannot be used again."""
        self._response.close()
        self._connection.close()

    def _give_back(self) -> None:
        if self._response.isclosed() and self._connection.sock is not None:
            self._keep(self._connection)
        else:
            self.close()

    def _read_body(self) -> bytes:
        declared = self._response.length
        if declared is not None and declared <= MAX_BODY_BYTES:
            return self._response.read()
        parts: List[bytes] = []
        size_bytes = declared or 0
        while size_bytes <= MAX_BODY_BYTES:
            data = self._response.read1(_READ_BYTES)
            if not data:
                return b"".join(parts)
            parts.append(data)
            size_bytes += len(data)
        raise ClientException(f"{self.url} sent an answer of more than {MAX_BODY_BYTES} bytes")
