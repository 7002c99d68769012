"""The server's calls, one method each, taking and returning plain records."""

import contextlib
import os
from typing import Iterator, List, Optional, Sequence

from spell.api.exceptions import ClientException, JsonDecodeError, WaitError
from spell.api.log_position import LogPosition
from spell.api.models import LogEntry, Project, Run, User, Workflow
from spell.api.session import JsonObject, Session
from spell.api.streams import EventStream

# The server may copy a working directory before it answers.
_CREATE_TIMEOUT_S = 600.0


class APIClient:
    """Talks to one server as one owner. Any number of threads may share it.

    Every method may raise :class:`ClientException` or one of its subclasses.
    """

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

    def get_user(self) -> User:
        """The user the token belongs to."""
        return User.from_json(self._member(self._session.get("users", "me"), "user"))

    def create_run(self, request: JsonObject) -> Run:
        """Create a run. A create that has to be repeated, after a lost connection, returns the same run."""
        answer = self._session.create(
            "runs", self.owner, body=request, key=_new_key(), read_timeout_s=_CREATE_TIMEOUT_S
        )
        run = Run.from_json(self._member(answer, "run"))
        run.already_existed = answer.get("already_existed") is True
        return run

    def get_run(self, run_id: int) -> Run:
        """One run."""
        return Run.from_json(self._member(self._session.get("runs", self.owner, run_id), "run"))

    def list_runs(
        self,
        page_size: Optional[int] = 50,
        project_id: Optional[int] = None,
        show_uncategorized: bool = False,
        labels: Optional[Sequence[str]] = None,
    ) -> List[Run]:
        """Runs, newest first."""
        query = [
            ("page_size", page_size),
            ("sort_column", "user_run_id"),
            ("sort_ascending", False),
            ("show_uncategorized", show_uncategorized),
            ("project_id", project_id),
            ("labels", labels),
        ]
        return [Run.from_json(run) for run in self._list(self._session.get("runs", self.owner, query=query), "runs")]

    def stop_run(self, run_id: int) -> None:
        """End the run's command; its outputs are saved."""
        self._session.send("POST", "runs", self.owner, run_id, "stop")

    def kill_run(self, run_id: int) -> None:
        """End the run at once; nothing is saved."""
        self._session.send("POST", "runs", self.owner, run_id, "kill")

    def add_label_for_run(self, run_id: int, name: str) -> None:
        """Put a label on a run."""
        self._session.send("PUT", "runs", self.owner, run_id, "add_label", body={"name": name})

    def remove_label_for_run(self, run_id: int, name: str) -> None:
        """Take a label off a run."""
        self._session.send("PUT", "runs", self.owner, run_id, "remove_label", body={"name": name})

    def wait_status(self, run_id: int, statuses: Sequence[str]) -> None:
        """Block until the run reaches one of the statuses; :class:`WaitError` once it no longer can."""
        stream = EventStream(
            self._session, ("runs", self.owner, run_id, "wait_status"), lambda: {"statuses": list(statuses)}
        )
        with contextlib.closing(iter(stream)) as events:
            for event in events:
                if event.get("success") is True:
                    stream.finish()
                elif event.get("success") is False:
                    text = event.get("error")
                    raise WaitError(text if isinstance(text, str) and text else f"Run {run_id} cannot reach {statuses}")

    def logs(self, run_id: int, follow: bool = False, offset: int = 0) -> Iterator[LogEntry]:
        """Yield the run's log from an offset on (negative: from the end); with ``follow`` until the run has ended."""
        position = LogPosition(offset)
        stream = EventStream(
            self._session,
            ("runs", self.owner, run_id, "logs"),
            lambda: {"follow": follow, "offset": position.offset},
        )
        with contextlib.closing(iter(stream)) as events:
            for event in events:
                entry = position.accept(event)
                if event.get("finished") is True:
                    stream.finish()
                if entry is not None:
                    stream.progress()
                    yield entry

    def get_workflow(self, workflow_id: int) -> Workflow:
        """One workflow with its runs."""
        return Workflow.from_json(self._member(self._session.get("workflows", self.owner, workflow_id), "workflow"))

    def get_project_by_name(self, name: str) -> Project:
        """The project of that name; :class:`ClientException` if there is none."""
        answer = self._session.get("projects", self.owner, query=[("archived", False)])
        for data in self._list(answer, "spell_projects"):
            project = Project.from_json(data)
            if (project.name or "").lower() == name.lower():
                return project
        raise ClientException(f"There is no project {name!r}")

    def _user_name(self) -> str:
        user_name = self.get_user().user_name
        if not user_name:
            raise ClientException("The server does not say whose token this is. Give SpellClient an owner.")
        return user_name

    def _member(self, answer: JsonObject, name: str) -> object:
        if name not in answer:
            raise JsonDecodeError(f"An answer of {self._session.url} has no {name!r}")
        return answer[name]

    def _list(self, answer: JsonObject, name: str) -> List[object]:
        items = self._member(answer, name)
        if not isinstance(items, list):
            raise JsonDecodeError(f"In an answer of {self._session.url}, {name!r} is not a list")
        return items


def _new_key() -> str:
    """A version 4 UUID, made by hand because importing uuid would take longer than everything else here."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
