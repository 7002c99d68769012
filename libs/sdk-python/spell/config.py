"""Where the server is and who is asking: the environment, then the user's config file, then defaults."""

import json
import os
from typing import Dict, Mapping, NamedTuple, Optional

from spell.api.exceptions import ClientException

DEFAULT_BASE_URL = "http://127.0.0.1:7801"
"""Where a server started on this machine listens for HTTP."""


class Settings(NamedTuple):
    """Everything a client needs to know before its first request."""

    token: str
    owner: str
    base_url: str
    workflow_id: Optional[int]


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Read the settings: each environment variable wins over its line in the config file.

    Environment: ``SPELL_TOKEN`` (needs ``SPELL_OWNER`` beside it), ``SPELL_OWNER``, ``SPELL_BASE_URL`` (or
    ``SPELL_API_URL``; several URLs with commas between), ``SPELL_WORKFLOW_ID``, ``SPELL_DIR`` (folder of the config file, default ``~/.spell``).

    Raises :class:`ClientException` where token or owner are missing, or the workflow id is not a number.
    """
    path = config_path(environ)
    config = read_config(path)
    token = environ.get("SPELL_TOKEN")
    owner = environ.get("SPELL_OWNER") or config.get("owner") or config.get("user_name")
    if token:
        owner = environ.get("SPELL_OWNER")
        if not owner:
            raise ClientException("SPELL_TOKEN is set but SPELL_OWNER is not. Set both, or neither to use " + path)
    else:
        token = config.get("token")
    if not token or not owner:
        raise ClientException(
            "Spell configuration not found: there is no {} in {}. "
            'Log in with "spell login", or set SPELL_TOKEN and SPELL_OWNER.'.format("owner" if token else "token", path)
        )
    return Settings(
        token=token,
        owner=owner,
        base_url=base_url_from(environ) or config.get("api_url") or DEFAULT_BASE_URL,
        workflow_id=_workflow_id(environ.get("SPELL_WORKFLOW_ID")),
    )


def base_url_from(environ: Mapping[str, str]) -> Optional[str]:
    """The server's URL named by the environment, or None; those of several servers with commas between.

    A run is told one URL, for programs that know of one, and in ``SPELL_BASE_URLS`` all of them. Somebody who has named another
    server since then means that one.
    """
    url = environ.get("SPELL_BASE_URL") or environ.get("SPELL_API_URL") or None
    urls = environ.get("SPELL_BASE_URLS", "")
    return urls if url in urls.split(",") else url


def config_path(environ: Mapping[str, str]) -> str:
    """Path of the user's config file."""
    folder = environ.get("SPELL_DIR") or os.path.join("~", ".spell")
    return os.path.join(os.path.expanduser(folder), "config")


def read_config(path: str) -> Dict[str, str]:
    """Read the config file; a missing or unreadable file is an empty config."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse_flat_yaml(file.read())
    except (OSError, UnicodeDecodeError):
        return {}


def parse_flat_yaml(text: str) -> Dict[str, str]:
    """Read the flat ``key: value`` lines of a YAML document.

    The package has no dependencies, so this understands only what the config file holds: top-level keys with scalar
    values, plain or quoted on one line, and comments. Nested values, lists and multi-line texts are skipped, and null
    counts as absent. All values are texts.
    """
    values: Dict[str, str] = {}
    for line in text.lstrip("\ufeff").split("\n"):
        key, colon, rest = line.partition(":")
        if not colon or key != key.lstrip() or key.startswith(("#", "-")) or (rest and not rest[0].isspace()):
            continue
        value = _scalar(rest.strip())
        if value:
            values[key.strip().strip("\"'")] = value
    return values


def _scalar(raw: str) -> Optional[str]:
    if raw.startswith('"'):
        try:
            value, _ = json.JSONDecoder().raw_decode(raw)
        except ValueError:
            return None
        return str(value)
    if raw.startswith("'"):
        end = raw.replace("''", "\0\0").find("'", 1)
        return raw[1:end].replace("''", "'") if end > 0 else None
    if raw.startswith(("#", "|", ">", "[", "{", "&", "*", "!")):
        return None
    value = raw.split(" #", 1)[0].rstrip()
    return None if value in ("", "~", "null", "Null", "NULL") else value


def _workflow_id(text: Optional[str]) -> Optional[int]:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ClientException(f"SPELL_WORKFLOW_ID is {text!r}, not a number") from None
