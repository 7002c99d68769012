"""An exchange with the server that went wrong beneath HTTP. Apart from it, so that naming it loads no networking."""

from typing import Dict, NamedTuple, Optional


class Broken(Exception):
    """The exchange did not come to its end: refused, reset, timed out, cut off, or no HTTP at all."""

    def __init__(self, cause: BaseException, sent: bool, hopeless: bool = False) -> None:
        super().__init__(str(cause) or type(cause).__name__)
        self.cause = cause
        self.sent = sent
        """Whether the server may have seen the request."""
        self.hopeless = hopeless
        """Whether the same request would break again, whatever the server does."""


class Request(NamedTuple):
    """A request ready to be sent; ``target`` is path and query, below the base URL."""

    method: str
    target: str
    headers: Dict[str, str]
    body: Optional[bytes]
    repeatable: bool
    """Whether sending it twice does no harm."""
    read_timeout_s: float
