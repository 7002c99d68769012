"""Calls to the server: authentication, retries, and errors as exceptions."""

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union
from urllib.parse import quote, urlencode, urlsplit

import spell
from spell.api.backoff import Backoff
from spell.api.broken import Broken, Request
from spell.api.exceptions import ClientException, JsonDecodeError, UnauthorizedClient, error_for
from spell.api.response import Response

if TYPE_CHECKING:
    from spell.api.exchange import Exchange

T = TypeVar("T")
JsonObject = Dict[str, Any]
Segment = Union[str, int]
Query = Sequence[Tuple[str, object]]

_READ_TIMEOUT_S = 120.0
# The server may copy a working directory before it answers.
_CREATE_TIMEOUT_S = 600.0
# A server never reached is probably not there: say so soon. One that has answered before is probably restarting.
_PATIENCE_NEVER_REACHED_S = 3.0
_PATIENCE_REACHED_S = 30.0
# Of several servers none may lead for some seconds.
_PATIENCE_TAKEOVER_S = 10.0
_LONGEST_DELAY_S = 5.0
_LONGEST_DELAY_WITH_OTHERS_S = 0.3
_TOKEN = re.compile(r"[!-~]+\Z")


class Session:
    """A token and the connections to the servers. Any number of threads may share it."""

    def __init__(self, base_url: str, version: str, token: Optional[str], admin_token: Optional[str] = None) -> None:
        # Here and not at the top: it loads HTTP, which takes longer than all else of this package.
        from spell.api.coordinators import Coordinators

        self._coordinators = Coordinators(base_url)
        self._version = version
        self._has_token = bool(token)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "spell-python/" + spell.__version__}
        for secret in (token, admin_token):
            if secret and not _TOKEN.match(secret):
                raise ClientException("The token is none: it holds blanks, line breaks or letters beyond ASCII.")
        if token:
            self._headers["Authorization"] = "Bearer " + token
        if admin_token:
            self._headers["Cookie"] = "SpellAdminAuthorization=" + admin_token
        self._reached = False

    @property
    def url(self) -> str:
        """The server's base URL."""
        return self._coordinators.url

    def close(self) -> None:
        """Close the idle connections; the session stays usable."""
        self._coordinators.close()

    def get(self, *segments: Segment, query: Query = ()) -> JsonObject:
        """GET an object. Retried while the server is away."""
        return _json_object(self._call(self._request("GET", segments, query=query)))

    def open(self, *segments: Segment, accept: str = "*/*") -> "Exchange":
        """GET something to be read as it arrives. Retried, while the server is away, until its head has arrived."""
        request = self._request("GET", segments, headers={"Accept": accept})
        return self._until_answered(request, self._opened)

    def ask(self, method: str, *segments: Segment, body: Optional[JsonObject] = None) -> JsonObject:
        """Ask for a change that is answered with an object. Retried as :meth:`send` does."""
        return _json_object(self._call(self._request(method, segments, body=body, repeatable=False)))

    def create(self, *segments: Segment, body: JsonObject) -> JsonObject:
        """POST an object with an idempotency key, by which a retry finds what the first try made."""
        headers = {"Idempotency-Key": _new_key()}
        request = self._request(
            "POST", segments, body=body, headers=headers, repeatable=True, read_timeout_s=_CREATE_TIMEOUT_S
        )
        return _json_object(self._call(request))

    def send(self, method: str, *segments: Segment, body: Optional[JsonObject] = None) -> None:
        """Ask for a change. Retried only if the server surely has not seen the request."""
        self._call(self._request(method, segments, body=body, repeatable=False))

    def exchange(
        self, method: str, place: Union[str, Sequence[Segment]], headers: Mapping[str, str], content: bytes = b""
    ) -> Response:
        """Send bytes and headers to a path, or to a URL that this server gave. Retried as :meth:`send` does."""
        request = self._request(method, () if isinstance(place, str) else place, headers=headers, repeatable=False)
        if isinstance(place, str):
            request = request._replace(target=self._target_of(place))
        if content:
            request.headers.pop("Content-Length", None)
            request = request._replace(body=content)
        return self._call(request)

    def stream(self, *segments: Segment, body: JsonObject) -> "Exchange":
        """POST for a stream, once. Raises :class:`Broken`; any answer but success is for the caller to judge."""
        exchange = self._coordinators.exchange(self._request("POST", segments, body=body))
        self._reached = True
        return exchange

    def unreachable(self, broken: Broken) -> ClientException:
        """The exception that tells the user about a broken exchange."""
        return ClientException(
            f"Cannot reach Spell at {self._coordinators.urls}: {broken}. Check that the server runs there, or set SPELL_BASE_URL.",
            exception=broken.cause,
        )

    def longest_delay_s(self, alone_s: float) -> float:
        """How long to wait between two tries at most. Where there are several servers, another one leads soon."""
        return _LONGEST_DELAY_WITH_OTHERS_S if self._coordinators.several else alone_s

    def _first_patience_s(self) -> float:
        return _PATIENCE_TAKEOVER_S if self._coordinators.several else _PATIENCE_NEVER_REACHED_S

    def _request(
        self,
        method: str,
        segments: Sequence[Segment],
        query: Query = (),
        body: Optional[JsonObject] = None,
        headers: Optional[Mapping[str, str]] = None,
        repeatable: bool = True,
        read_timeout_s: float = _READ_TIMEOUT_S,
    ) -> Request:
        if not self._has_token:
            raise UnauthorizedClient()
        target = "/".join(["", self._version] + [quote(str(segment), safe=":") for segment in segments])
        if query:
            target += "?" + _query_string(query)
        all_headers = dict(self._headers, **(headers or {}))
        content = None
        if body:
            all_headers["Content-Type"] = "application/json"
            content = _encode(body)
        elif method != "GET":
            all_headers["Content-Length"] = "0"
        return Request(method, target, all_headers, content, repeatable, read_timeout_s)

    def _target_of(self, url: str) -> str:
        """Path and query of a URL, below the base URL. Whatever host it names, only this server is ever asked."""
        parts, prefix = urlsplit(url), urlsplit(self.url).path
        path = parts.path[len(prefix) :] if parts.path.startswith(prefix + "/") else parts.path
        return f"{path}?{parts.query}" if parts.query else path

    def _call(self, request: Request) -> Response:
        return self._until_answered(request, lambda request: _checked(self._coordinators.exchange(request).read()))

    def _opened(self, request: Request) -> "Exchange":
        exchange = self._coordinators.exchange(request)
        if exchange.status_code != 200:
            raise error_for(exchange.read())
        return exchange

    def _until_answered(self, request: Request, attempt: Callable[[Request], T]) -> T:
        started = time.monotonic()
        backoff = Backoff(limit_s=self.longest_delay_s(_LONGEST_DELAY_S))
        while True:
            try:
                answer = attempt(request)
                self._reached = True
                return answer
            except Broken as broken:
                problem = self.unreachable(broken)
                if broken.hopeless or (broken.sent and not request.repeatable):
                    raise problem from broken.cause
            except ClientException as refusal:
                if refusal.response is None:
                    raise
                self._reached = True
                problem = refusal
                if refusal.response.status_code != 503 or not request.repeatable:
                    raise
            delay_s = backoff.next_delay_s()
            patience_s = _PATIENCE_REACHED_S if self._reached else self._first_patience_s()
            if time.monotonic() + delay_s > started + patience_s:
                raise problem from problem.exception
            time.sleep(delay_s)


def _checked(response: Response) -> Response:
    if not response.ok:
        raise error_for(response)
    return response


def _json_object(response: Response) -> JsonObject:
    try:
        value = response.json()
    except ValueError as error:
        raise JsonDecodeError(
            f"The answer of {response.url} is not JSON: {error}", response=response, exception=error
        ) from error
    if not isinstance(value, dict):
        raise JsonDecodeError(f"The answer of {response.url} is not a JSON object", response=response)
    return value


def _encode(body: JsonObject) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, default=_plain).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ClientException(f"The request cannot be sent as JSON: {error}", exception=error) from error


def _plain(value: Any) -> Any:
    """What JSON has no word for: paths, and numbers and arrays of numpy and its like."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return to_list()
    raise TypeError(f"{type(value).__name__} {value!r} is no value that a server understands")


def _query_string(pairs: Query) -> str:
    """Query parameters: None is left out, a list repeats its name, booleans are spelled True and False."""
    flat: List[Tuple[str, object]] = []
    for name, value in pairs:
        if isinstance(value, (list, tuple)):
            flat.extend((name, item) for item in value)
        elif value is not None:
            flat.append((name, value))
    return urlencode(flat)


def _new_key() -> str:
    """A version 4 UUID, made by hand because importing uuid would take longer than everything else here."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
