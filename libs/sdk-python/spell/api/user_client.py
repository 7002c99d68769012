"""Calls about who is asking: the user, access tokens, the owner, pushed repositories."""

from typing import Any, Dict, List

from spell.api import readers
from spell.api.base_client import BaseClient
from spell.api.models.runs import Workspace
from spell.api.models.users import AccessToken, Owner, User


class UserClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def get_user_info(self) -> User:
        """The user the token belongs to."""
        return User.from_json(self._member(self._session.get("users", "me"), "user"))

    def get_owner_details(self) -> Owner:
        """Whose runs the client sees and creates."""
        return Owner.from_json(self._member(self._session.get("features", self.owner), "owner"))

    def list_access_tokens(self) -> List[AccessToken]:
        """The user's access tokens by name; their texts are told by nobody."""
        answer = self._session.get("users", "me", "access_tokens")
        return self._list(answer, "access_tokens", AccessToken.from_json)

    def create_access_token(self, name: str) -> Dict[str, Any]:
        """Make an access token; the answer's ``token`` is told this once."""
        answer = self._session.ask("POST", "users", "me", "access_tokens", body={"name": name})
        return dict(answer, created_at=readers.date(answer.get("created_at")))

    def delete_access_token(self, name: str) -> None:
        """From now on nobody can use the token of that name."""
        self._session.send("DELETE", "users", "me", "access_tokens", body={"name": name})

    def new_workspace(self, root_commit: str, name: str, description: str) -> Workspace:
        """Make a git repository known, or find it if it is; code is pushed to its ``git_remote_url``."""
        body = {"root_commit": root_commit, "name": name, "description": description}
        return Workspace.from_json(
            self._member(self._session.ask("PUT", "workspaces", self.owner, body=body), "workspace")
        )

    def get_workspaces(self) -> List[Workspace]:
        """All repositories that are known."""
        return self._list(self._session.get("workspaces", self.owner), "workspaces", Workspace.from_json)

    def get_workspaces_by_name(self, name: str) -> List[Workspace]:
        """The repositories of that name."""
        answer = self._session.get("workspaces", self.owner, query=[("name", name)])
        return self._list(answer, "workspaces", Workspace.from_json)

    def get_workspace(self, ws_id: int) -> Workspace:
        """One repository."""
        return Workspace.from_json(self._member(self._session.get("workspaces", self.owner, ws_id), "workspace"))

    def delete_workspace(self, ws_id: int) -> None:
        """Forget a repository."""
        self._session.send("DELETE", "workspaces", self.owner, ws_id)
