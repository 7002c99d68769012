"""All calls of the server, one method each, taking and returning plain records."""

from spell.api.hyper_client import HyperClient
from spell.api.model_client import ModelClient
from spell.api.projects_client import ProjectsClient
from spell.api.resources_client import ResourcesClient
from spell.api.runs_client import RunsClient
from spell.api.user_client import UserClient
from spell.api.user_datasets_client import UserDatasetsClient
from spell.api.workflows_client import WorkflowsClient


class APIClient(
    RunsClient,
    WorkflowsClient,
    HyperClient,
    ResourcesClient,
    ModelClient,
    ProjectsClient,
    UserDatasetsClient,
    UserClient,
):
    """Talks to one server as one owner. Any number of threads may share it.

    Every method may raise :class:`~spell.api.exceptions.ClientException` or one of its subclasses.
    """
