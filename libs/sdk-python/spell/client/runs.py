"""Runs: launch them, look at them, wait for them, read their logs, end them."""

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from spell import lifecycle
from spell.api import models
from spell.api.client import APIClient
from spell.api.exceptions import ClientException
from spell.client.run_request import PathLike, run_request
from spell.client.wrapper import RecordWrapper

if TYPE_CHECKING:
    from spell.client import SpellClient


class Run(RecordWrapper):
    """A run as last seen; :meth:`refresh` looks again. The record is ``.run``, its fields are attributes here too."""

    _record_name = "run"
    run: models.Run

    def __init__(self, api: APIClient, run: models.Run) -> None:
        super().__init__(api, run)

    def refresh(self) -> None:
        """Ask the server for the run again. Nothing else changes ``status`` and the other attributes."""
        fresh = self._api.get_run(self.run.id)
        fresh.already_existed = self.run.already_existed
        self.run = fresh

    def stop(self) -> None:
        """End the run's command; what it wrote is saved. A run that is not running yet is killed."""
        self._api.stop_run(self.run.id)

    def kill(self) -> None:
        """End the run at once; nothing is saved."""
        self._api.kill_run(self.run.id)

    def add_label(self, label_name: str) -> None:
        """Put a label on the run."""
        self._api.add_label_for_run(self.run.id, label_name)

    def remove_label(self, label_name: str) -> None:
        """Take a label off the run."""
        self._api.rm_label_for_run(self.run.id, label_name)

    def wait_status(self, *statuses: str) -> None:
        """Block until the run has reached one of the statuses (or has passed through it).

        Outlasts lost connections and restarts of the server. Raises :class:`~spell.api.exceptions.WaitError` once none
        of them can be reached any more. Does not refresh this object.
        """
        if not statuses or not all(isinstance(status, str) for status in statuses):
            raise TypeError("wait_status takes one or more statuses, as in run.wait_status(*client.runs.FINAL)")
        self._api.wait_status(self.run.id, *statuses)

    def wait_metric(self, metric_name: str, condition: str, value: Union[int, float]) -> None:
        """Block until a value of the metric meets the condition, as in ``("loss", client.runs.LESS_THAN, 0.5)``.

        Values that came before the call count. Outlasts lost connections. Raises
        :class:`~spell.api.exceptions.WaitError` once the run has ended without such a value.
        """
        self._api.wait_metric(self.run.id, metric_name, condition, value)

    def metrics(
        self, metric_name: str, follow: bool = False, start: Optional[datetime] = None
    ) -> Iterator[Tuple[datetime, int, Union[int, float, str]]]:
        """Yield the metric's values as (time in UTC, index, value), those later than ``start`` if it is given.

        Without ``follow`` it ends at what there is now, with it when the run has ended. A ``start`` without a time zone
        is in UTC. Outlasts lost connections without losing or repeating a value.
        """
        return self._api.get_run_metrics(self.run.id, metric_name, bool(follow), start)

    def cp(self, source_path: str = "", destination_directory: Optional[PathLike] = None) -> None:
        """Copy a file or folder that the run wrote into a folder here; by default all of it into this one.

        A file arrives under its base name, a folder with its contents. The destination is made if it is missing; files
        that are there already are replaced.
        """
        path = "/".join(part for part in (f"runs/{self.run.id}", (source_path or "").strip("/")) if part)
        self._api.copy(path, os.fspath(destination_directory or "."), report=None)

    def logs(self, follow: bool = False, offset: int = 0) -> Iterator[models.LogEntry]:
        """Yield the run's log entries from ``offset`` on; a negative one counts from the end.

        Without ``follow`` it ends at what there is now, with it when the run has ended. Outlasts lost connections and
        restarts of the server without losing or repeating an entry.
        """
        return self._api.get_run_log_entries(self.run.id, bool(follow), offset or 0)


class RunsService:
    """Creates and finds runs. The constants name the statuses scripts wait for."""

    BUILDING = lifecycle.BUILDING
    RUNNING = lifecycle.RUNNING
    SAVING = lifecycle.SAVING
    PUSHING = lifecycle.PUSHING
    COMPLETE = lifecycle.COMPLETE
    FAILED = lifecycle.FAILED
    STOPPED = lifecycle.STOPPED
    KILLED = lifecycle.KILLED
    INTERRUPTED = lifecycle.INTERRUPTED
    BUILD_FAILED = lifecycle.BUILD_FAILED
    MOUNT_FAILED = lifecycle.MOUNT_FAILED
    FINAL: Tuple[str, ...] = lifecycle.FINAL

    EQUALS = "eq"
    GREATER_THAN = "gt"
    GREATER_THAN_EQUALS = "gte"
    LESS_THAN = "lt"
    LESS_THAN_EQUALS = "lte"

    def __init__(self, client: "SpellClient") -> None:
        self._client = client

    def new(
        self,
        *,
        command: Optional[str] = None,
        machine_type: Optional[str] = "CPU",
        project: Optional[str] = None,
        description: Optional[str] = None,
        github_url: Optional[str] = None,
        github_ref: Optional[str] = None,
        commit_label: Optional[str] = None,
        workflow_id: Optional[int] = None,
        workspace_id: Optional[int] = None,
        commit_hash: Optional[str] = None,
        cwd: Optional[str] = None,
        pip_packages: Optional[Sequence[str]] = None,
        apt_packages: Optional[Sequence[str]] = None,
        requirements_file: Optional[PathLike] = None,
        conda_file: Optional[PathLike] = None,
        docker_image: Optional[str] = None,
        framework: Optional[str] = None,
        framework_version: Any = None,
        envvars: Optional[Mapping[str, Any]] = None,
        attached_resources: Optional[Mapping[str, Optional[str]]] = None,
        labels: Optional[Sequence[str]] = None,
        tensorboard_directory: Optional[str] = None,
        distributed: Optional[int] = None,
        idempotent: Optional[bool] = False,
        params: Optional[Mapping[str, Any]] = None,
        timeout: Optional[int] = None,
        auto_resume: Optional[bool] = None,
        stop_conditions: Union[models.StopConditions, Sequence[Any], None] = None,
        provider: Optional[str] = None,
        node_group: Optional[str] = None,
        retry: Union[int, Mapping[str, Any], None] = None,
    ) -> Run:
        """Launch a run and return it while it waits for a machine. None means "not given" for every keyword.

        :param command: shell command.
        :param machine_type: name of a machine type; case does not matter.
        :param project: name of an existing project to put the run in.
        :param description: free text.
        :param github_url: repository to take the code from, at ``github_ref`` (default: its default branch).
        :param commit_label: in a workflow, the label of the directory to take the code from.
        :param workflow_id: workflow to join instead of the client's active one.
        :param workspace_id: pushed repository to take the code from, at ``commit_hash``.
        :param cwd: where the command starts, relative to the code's root.
        :param pip_packages: ``name`` or ``name==version`` each.
        :param apt_packages: as ``pip_packages``.
        :param requirements_file: path of a pip requirements file on this machine.
        :param conda_file: path of a conda environment file on this machine; not together with pip.
        :param docker_image: image to run in.
        :param framework: accepted for old scripts, without effect; so is ``framework_version``.
        :param envvars: environment variables of the command.
        :param attached_resources: resource → where to mount it; None or "" mounts it under its own name.
        :param labels: labels to put on the run.
        :param tensorboard_directory: where the run writes TensorBoard events.
        :param distributed: number of machines.
        :param idempotent: return an identical earlier run if there is one (``already_existed`` tells).
        :param params: values for the ``:NAME:`` places in the command.
        :param timeout: minutes after which the run is stopped.
        :param auto_resume: when its machine is taken away, go on in a new run with the files of this one:
            ``resumed_as_run`` is its number then.
        :param stop_conditions: :class:`~spell.api.models.StopConditions`: what, in metrics, stops the run.
        :param retry: how often the run is tried again by itself after an end that was not its command's doing; or a dict of
            ``limit``, ``exit_codes`` after which it is tried again as well, ``backoff_seconds``, ``backoff_factor`` and
            ``max_backoff_seconds``.
        :param provider: cloud provider to prefer; so is ``node_group`` a group of machines.

        Raises :class:`~spell.api.exceptions.ClientException` where the server refuses or cannot be reached. A
        connection lost on the way never makes two runs.
        """
        keywords = {name: value for name, value in locals().items() if name != "self"}
        api = self._client.api
        return Run(api, api.run(run_request(self._client, keywords)))

    def get(self, run_id: int) -> Run:
        """The run of that number."""
        api = self._client.api
        return Run(api, api.get_run(run_id))

    def list(
        self,
        number: Optional[int] = 50,
        project: Optional[str] = None,
        show_uncategorized: Optional[bool] = False,
        labels: Optional[Sequence[str]] = None,
    ) -> List[models.Run]:
        """The newest runs as plain records, newest first, of one project or with certain labels if wanted."""
        if project is not None and show_uncategorized:
            raise ClientException("project and show_uncategorized cannot be given together")
        api = self._client.api
        return api.list_runs(
            number=number,
            project=None if project is None else api.get_project_by_name(project).id,
            show_uncategorized=bool(show_uncategorized),
            labels=labels,
        )
