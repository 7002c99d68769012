"""The workflow a script runs in."""

from spell.api import models
from spell.api.client import APIClient
from spell.client.wrapper import RecordWrapper


class Workflow(RecordWrapper):
    """A workflow as last seen: ``id``, ``workspace_specs``, ``managing_run``, ``runs``; the record is ``.workflow``."""

    _record_name = "workflow"
    workflow: models.Workflow

    def __init__(self, api: APIClient, workflow: models.Workflow) -> None:
        super().__init__(api, workflow)

    def refresh(self) -> None:
        """Ask the server for the workflow again."""
        self.workflow = self._api.get_workflow(self.workflow.id)
