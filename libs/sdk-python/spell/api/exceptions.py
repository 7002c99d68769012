"""What the client raises, and which answer of the server becomes which exception."""

from typing import Any, Dict, Optional, Type

from spell.api.response import Response


class ClientException(Exception):
    """Something a request needed did not happen. Base of all exceptions of this package."""

    def __init__(
        self,
        msg: Optional[str] = None,
        response: Optional[Response] = None,
        exception: Optional[BaseException] = None,
    ) -> None:
        message = msg or "The request to Spell failed."
        super().__init__(message)
        self.message: str = message
        self.response = response
        """The server's answer, if there was one."""
        self.exception = exception
        """The error beneath this one, if there was one."""

    def __str__(self) -> str:
        return self.message

    @property
    def code(self) -> Optional[str]:
        """The server's stable reason code, to be preferred over matching on the text."""
        value = _error_body(self.response).get("code") if self.response is not None else None
        return value if isinstance(value, str) else None


class BadRequest(ClientException):
    """400: the request itself is wrong."""


class UnauthorizedRequest(ClientException):
    """401: the server does not accept the token."""


class ConflictRequest(ClientException):
    """409: the request does not fit the present state."""


class ServerError(ClientException):
    """500: the server failed."""


class UnauthorizedClient(ClientException):
    """The client has no token to ask with."""

    def __init__(
        self,
        msg: Optional[str] = None,
        response: Optional[Response] = None,
        exception: Optional[BaseException] = None,
    ) -> None:
        hint = "There is no token. Log in with 'spell login' or give SpellClient one."
        super().__init__(msg or hint, response, exception)


class JsonDecodeError(ClientException):
    """The server's answer is not the JSON it should be."""


class WaitError(ClientException):
    """What was waited for can no longer happen."""


_BY_STATUS: Dict[int, Type[ClientException]] = {
    400: BadRequest,
    401: UnauthorizedRequest,
    409: ConflictRequest,
    500: ServerError,
}

_BODY_EXCERPT_CHARS = 500


def error_for(response: Response) -> ClientException:
    """The exception that an unsuccessful answer stands for; its message is the server's own text where there is one."""
    body = _error_body(response)
    for key in ("error", "status"):
        text = body.get(key)
        if isinstance(text, str) and text:
            break
    else:
        excerpt = response.text[:_BODY_EXCERPT_CHARS]
        text = f"Request to {response.url} failed: {response.status_code} {response.reason} {excerpt}".rstrip()
    return _BY_STATUS.get(response.status_code, ClientException)(text, response=response)


def _error_body(response: Response) -> Dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
