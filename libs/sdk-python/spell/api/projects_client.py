"""Calls about projects."""

from typing import List, Optional, Sequence

from spell.api.base_client import BaseClient
from spell.api.exceptions import ClientException
from spell.api.models.runs import Project
from spell.api.session import JsonObject


class ProjectsClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def create_project(self, proj_req: JsonObject) -> Project:
        """Create a project from ``{"name": …, "description": …, "run_ids": […]}``; all but the name may be left out."""
        answer = self._session.ask("POST", "projects", self.owner, body=proj_req)
        return Project.from_json(self._member(answer, "spell_project"))

    def get_project(self, id: int) -> Project:
        """One project."""
        return Project.from_json(self._member(self._session.get("projects", self.owner, id), "spell_project"))

    def list_projects(self, show_archived: bool = False) -> List[Project]:
        """The projects in use, or else those that are archived."""
        answer = self._session.get("projects", self.owner, query=[("archived", bool(show_archived))])
        return self._list(answer, "spell_projects", Project.from_json)

    def get_project_by_name(self, name: str) -> Project:
        """The project of that name, upper and lower case alike; :class:`ClientException` if there is none."""
        for project in self.list_projects():
            if (project.name or "").lower() == name.lower():
                return project
        raise ClientException(f"There is no project {name!r}. Create it with 'spell project create'.")

    def edit_project(self, id: int, name: Optional[str], description: Optional[str]) -> None:
        """Give a project another name or description; None leaves it as it is."""
        self._session.send("PATCH", "projects", self.owner, id, body={"name": name, "description": description})

    def archive_project(self, id: int) -> None:
        """Hide a project from lists."""
        self._session.send("DELETE", "projects", self.owner, id)

    def unarchive_project(self, id: int) -> None:
        """Bring an archived project back."""
        self._session.send("POST", "projects", self.owner, "unarchive", body={"project_id": id})

    def add_runs(self, project_id: int, run_ids: Sequence[int]) -> None:
        """Put runs into a project."""
        self._session.send("POST", "projects", self.owner, project_id, "runs", body={"run_ids": list(run_ids)})

    def remove_runs(self, project_id: int, run_ids: Sequence[int]) -> None:
        """Take runs out of a project."""
        self._session.send("DELETE", "projects", self.owner, project_id, "runs", body={"run_ids": list(run_ids)})
