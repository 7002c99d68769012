"""What the groups of calls have in common: a session, an owner, and reading answers."""

from typing import Callable, List, Optional, TypeVar

from spell.api.exceptions import ClientException, JsonDecodeError
from spell.api.session import JsonObject, Session

T = TypeVar("T")


class BaseClient:
    """One server, asked as one owner. Any number of threads may share it."""

    def __init__(
        self,
        base_url: str,
        version_str: str = "v1",
        owner: Optional[str] = None,
        token: Optional[str] = None,
        spell_admin_token: Optional[str] = None,
    ) -> None:
        """Without an owner the server is asked for the token's user."""
        self._session = Session(base_url, version_str, token, spell_admin_token)
        self.owner: str = owner or self._user_name()

    def close(self) -> None:
        """Close idle connections; the client stays usable."""
        self._session.close()

    def _user_name(self) -> str:
        user = self._member(self._session.get("users", "me"), "user")
        name = user.get("user_name") if isinstance(user, dict) else None
        if not isinstance(name, str) or not name:
            raise ClientException("The server does not say whose token this is. Give SpellClient an owner.")
        return name

    def _member(self, answer: JsonObject, name: str) -> object:
        if name not in answer:
            raise JsonDecodeError(f"An answer of {self._session.url} has no {name!r}")
        return answer[name]

    def _list(self, answer: JsonObject, name: str, read: Callable[[object], T]) -> List[T]:
        items = self._member(answer, name)
        if not isinstance(items, list):
            raise JsonDecodeError(f"In an answer of {self._session.url}, {name!r} is not a list")
        return [read(item) for item in items]
