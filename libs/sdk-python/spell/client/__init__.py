"""The client: what a workflow script talks to.

For example::

    import spell.client

    client = spell.client.from_environment()
    run = client.runs.new(command="python train.py", machine_type="V100")
    run.wait_status(*client.runs.FINAL)
"""

import os
from functools import cached_property
from typing import TYPE_CHECKING, Optional

from spell.api.client import APIClient
from spell.api.models import RangeSpec, ValueSpec
from spell.client.runs import RunsService
from spell.client.workflows import Workflow
from spell.config import DEFAULT_BASE_URL, base_url_from, settings_from

if TYPE_CHECKING:
    from spell.client.hyper import HyperService
    from spell.client.models import ModelsService
    from spell.client.resources import ResourcesService
    from spell.client.servers import ModelServersService

__all__ = ["RangeSpec", "SpellClient", "ValueSpec", "from_environment"]


class SpellClient:
    """A user's way to a Spell server. Any number of threads may share it.

    ``runs``: :class:`~spell.client.runs.RunsService`. ``active_workflow``: the
    :class:`~spell.client.workflows.Workflow` that new runs join, or None. ``api``: the calls beneath, one method each.
    """

    runs: RunsService
    active_workflow: Optional[Workflow]
    api: APIClient

    def __init__(
        self,
        token: Optional[str],
        spell_admin_token: Optional[str] = None,
        base_url: Optional[str] = None,
        version_str: str = "v1",
        owner: Optional[str] = None,
        workflow_id: Optional[int] = None,
    ) -> None:
        """Connect with an access token.

        ``base_url`` defaults to the environment's ``SPELL_BASE_URL``, then to this machine. Without ``owner`` the
        server is asked whose token it is; with ``workflow_id`` it is asked for that workflow. May raise
        :class:`~spell.api.exceptions.ClientException`.
        """
        self.api = APIClient(
            base_url=base_url or base_url_from(os.environ) or DEFAULT_BASE_URL,
            version_str=version_str,
            owner=owner,
            token=token,
            spell_admin_token=spell_admin_token,
        )
        self.active_workflow = None
        if workflow_id is not None:
            self.active_workflow = Workflow(self.api, self.api.get_workflow(workflow_id))
        self.runs = RunsService(self)

    # What fewer scripts use is loaded when it is asked for.

    @cached_property
    def hyper(self) -> "HyperService":
        """Hyper-parameter searches."""
        from spell.client.hyper import HyperService

        return HyperService(self)

    @cached_property
    def resources(self) -> "ResourcesService":
        """Files of runs, uploads and links: list and copy them."""
        from spell.client.resources import ResourcesService

        return ResourcesService(self)

    @cached_property
    def models(self) -> "ModelsService":
        """Models: names and versions for files."""
        from spell.client.models import ModelsService

        return ModelsService(self)

    @cached_property
    def servers(self) -> "ModelServersService":
        """Model servers are not offered; each method says so."""
        from spell.client.servers import ModelServersService

        return ModelServersService()

    def close(self) -> None:
        """Close idle connections; the client stays usable."""
        self.api.close()


def from_environment() -> SpellClient:
    """A client for whoever is logged in here; inside a run, for that run's owner and workflow.

    Reads the config file, then the environment (see :func:`spell.config.settings_from`). Raises
    :class:`~spell.api.exceptions.ClientException` where nobody is logged in.
    """
    settings = settings_from(os.environ)
    return SpellClient(
        token=settings.token, base_url=settings.base_url, owner=settings.owner, workflow_id=settings.workflow_id
    )
