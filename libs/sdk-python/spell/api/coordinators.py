"""The coordinators of one farm: one of them leads, the others stand by to take its place.

Requests go to one of them until it is away or says that another one leads; then the next is asked. Any number of threads may share one
:class:`Coordinators` without a lock: which one is asked first is only a guess.
"""

from typing import TYPE_CHECKING, List, Optional

from spell.api.broken import Broken, Request
from spell.api.connections import Connections

if TYPE_CHECKING:
    from spell.api.exchange import Exchange

_OTHERS_LEAD = ("standby", "not-leader")
"""Reasons by which a server says that it has done nothing, because another one leads."""


class Coordinators:
    """The servers at one URL, or at several with commas between."""

    def __init__(self, base_urls: str) -> None:
        """Raise :class:`ClientException` where a URL is none that can be asked."""
        urls = [url.strip() for url in base_urls.split(",")]
        self._all: List[Connections] = [Connections(url, others=len(urls) > 1) for url in urls]
        self._current = self._all[0]

    @property
    def url(self) -> str:
        """The URL of the one that answered last."""
        return self._current.url

    @property
    def urls(self) -> str:
        """All URLs, for people."""
        return " or ".join(each.url for each in self._all)

    @property
    def several(self) -> bool:
        """Whether there is another one to turn to."""
        return len(self._all) > 1

    def exchange(self, request: Request) -> "Exchange":
        """Send the request to the one that leads. Raises :class:`Broken`."""
        problem: Optional[Broken] = None
        for _ in self._all:
            asked = self._current
            try:
                exchange = asked.exchange(request)
                if exchange.status_code != 503 or exchange.headers.get("spell-reason") not in _OTHERS_LEAD:
                    return exchange
                exchange.read()
                problem = Broken(ConnectionError("it stands by, and the one that leads is not known"), sent=False)
            except Broken as broken:
                problem = broken
            self._leave(asked)
            if problem.sent or problem.hopeless:
                break
        assert problem is not None
        raise problem

    def close(self) -> None:
        """Close the idle connections."""
        for each in self._all:
            each.close()

    def _leave(self, asked: Connections) -> None:
        # Unless another thread has done so: ten requests that fail together go one server further, not ten.
        if self._current is asked:
            self._current = self._all[(self._all.index(asked) + 1) % len(self._all)]
