"""An answer of the server, read to its end."""

import json
from typing import Any, Dict


class Response:
    """What the server answered. Exceptions carry it as ``.response``."""

    def __init__(self, url: str, status_code: int, reason: str, headers: Dict[str, str], content: bytes) -> None:
        self.url = url
        self.status_code = status_code
        self.reason = reason
        self.headers = headers
        """Header names in lower case."""
        self.content = content

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status_code in (200, 201, 202, 204)

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError if it is none."""
        return parse_json(self.content)

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


def parse_json(content: bytes) -> Any:
    """Parse UTF-8 JSON; whatever is wrong with it comes as ValueError."""
    try:
        return json.loads(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
