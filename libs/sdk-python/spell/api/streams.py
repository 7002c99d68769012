"""Event streams: one JSON object per line, asked for again until their reader is done.

A stream may break at any moment (the server restarts, a proxy cuts, 120 s pass in silence). The reader's request is
then sent again, built anew, so that it can ask to go on where it was.
"""

import time
import warnings
from typing import TYPE_CHECKING, Callable, Dict, Generator, Optional, Sequence

from spell.api.backoff import Backoff
from spell.api.broken import Broken
from spell.api.exceptions import JsonDecodeError, error_for
from spell.api.response import parse_json
from spell.api.session import JsonObject, Segment, Session

if TYPE_CHECKING:
    from spell.api.exchange import Exchange

_LONGEST_DELAY_S = 2.0
_STEADY_S = 5.0
_WARN_AFTER_S = 30.0
_EXCERPT_BYTES = 200


class EventStream:
    """The events of one stream; iterate over it once, and call :meth:`finish` at the last event."""

    def __init__(self, session: Session, segments: Sequence[Segment], request: Callable[[], JsonObject]) -> None:
        self._session = session
        self._segments = segments
        self._request = request
        self._finished = False
        self._backoff = Backoff(limit_s=session.longest_delay_s(_LONGEST_DELAY_S))
        self._lost_since: Optional[float] = None
        self._warned = False
        self.headers: Dict[str, str] = {}
        """Headers of the answer being read, names in lower case."""

    def finish(self) -> None:
        """The event just received is the last one."""
        self._finished = True

    def progress(self) -> None:
        """The event just received brought the reader forward: the next break is a new one."""
        self._backoff.reset()
        self._lost_since = None

    def __iter__(self) -> Generator[JsonObject, None, None]:
        """Yield events; reconnect, with pauses, for as long as it takes.

        Raises :class:`ClientException` where the server refuses (4xx) and :class:`JsonDecodeError` where it talks
        nonsense.
        """
        while True:
            opened: Optional[float] = None
            problem = "the stream ended early"
            try:
                exchange = self._session.stream(*self._segments, body=self._request())
                opened = time.monotonic()
                self.headers = exchange.headers
                if exchange.status_code < 500:
                    yield from self._events(exchange)
                    if self._finished:
                        return
                else:
                    problem = str(error_for(exchange.read()))
            except Broken as broken:
                if broken.hopeless:
                    raise self._session.unreachable(broken) from broken.cause
                problem = str(broken)
            if opened is not None and time.monotonic() - opened > _STEADY_S:
                self.progress()
            self._warn_if_lost_for_long(problem)
            time.sleep(self._backoff.next_delay_s())

    def _events(self, exchange: "Exchange") -> Generator[JsonObject, None, None]:
        try:
            if exchange.status_code != 200:
                raise error_for(exchange.read())
            for line in exchange.lines():
                if line.strip():
                    yield parse_event(line, exchange.url)
                    if self._finished:
                        break
        except BaseException:
            exchange.close()
            raise
        if self._finished:
            exchange.finish()
            return
        exchange.close()
        try:
            # Lines end with a newline; one that lacks it counts if it is whole all the same.
            event = parse_event(exchange.rest, exchange.url)
        except JsonDecodeError:
            return
        yield event

    def _warn_if_lost_for_long(self, problem: str) -> None:
        now = time.monotonic()
        if self._lost_since is None:
            self._lost_since = now
        elif not self._warned and now - self._lost_since > _WARN_AFTER_S:
            self._warned = True
            message = "No answer from Spell at {} for {:.0f} s ({}); still trying"
            warnings.warn(
                message.format(self._session.url, now - self._lost_since, problem), RuntimeWarning, stacklevel=4
            )


def parse_event(line: bytes, url: str) -> JsonObject:
    try:
        event = parse_json(line)
    except ValueError as error:
        raise JsonDecodeError(
            f"{url} sent a line that is not JSON: {line[:_EXCERPT_BYTES]!r}", exception=error
        ) from error
    if not isinstance(event, dict):
        raise JsonDecodeError(f"{url} sent a line that is not a JSON object: {line[:_EXCERPT_BYTES]!r}")
    return event
