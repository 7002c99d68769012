"""Calls about workflows."""

from typing import Any, Mapping, Optional

from spell.api.base_client import BaseClient
from spell.api.models.requests import RunRequest
from spell.api.models.runs import Workflow


class WorkflowsClient(BaseClient):
    """Every method may raise :class:`ClientException` or one of its subclasses."""

    def workflow(
        self,
        run_req: Optional[RunRequest],
        workspace_specs: Mapping[str, Mapping[str, Any]],
        github_specs: Mapping[str, Mapping[str, Any]],
    ) -> Workflow:
        """Create a workflow: its master run (None: the caller is the master) and what each label stands for.

        ``workspace_specs``: label → ``{"workspace_id": …, "commit_hash": …}``. ``github_specs``: label →
        ``{"url": …, "ref": …}``.
        """
        body = {
            "run": None if run_req is None else run_req.to_payload(),
            "workspace_specs": dict(workspace_specs),
            "github_specs": dict(github_specs),
        }
        return Workflow.from_json(
            self._member(self._session.ask("POST", "workflows", self.owner, body=body), "workflow")
        )

    def get_workflow(self, workflow_id: int) -> Workflow:
        """One workflow with its runs."""
        return Workflow.from_json(self._member(self._session.get("workflows", self.owner, workflow_id), "workflow"))

    def stop_workflow(self, workflow_id: int) -> None:
        """Stop the workflow's runs; what they wrote is saved."""
        self._session.send("POST", "workflows", self.owner, workflow_id, "stop")

    def kill_workflow(self, workflow_id: int) -> None:
        """Kill the workflow's runs."""
        self._session.send("POST", "workflows", self.owner, workflow_id, "kill")

    def archive_workflow(self, workflow_id: int) -> None:
        """Archive the workflow."""
        self._session.send("DELETE", "workflows", self.owner, workflow_id)
