"""The server's address."""

import re
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from spell.api.exceptions import ClientException

_URL = re.compile(r"[!-~]+\Z")


class BaseUrl(NamedTuple):
    """Where to connect; ``prefix`` comes before every path."""

    tls: bool
    host: str
    port: Optional[int]
    prefix: str


def parse_base_url(url: str) -> BaseUrl:
    """Take a URL apart. Raises :class:`ClientException` where it is not http(s)://HOST[:PORT][/PATH]."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or not _URL.match(url):
        raise ClientException(
            f"{url!r} is not the URL of a Spell server. "
            "SPELL_BASE_URL (or api_url in the config file) must look like http://HOST:PORT"
        )
    return BaseUrl(parts.scheme == "https", host, port, parts.path)
