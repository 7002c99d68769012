"""The records the server speaks of. Fields the server adds later are ignored."""

from datetime import datetime
from typing import Any, Dict, List, Optional

from spell.api import readers
from spell.api.record import Record, many, one


class User(Record):
    """Somebody with an account."""

    email: Optional[str]
    user_name: Optional[str]
    full_name: Optional[str]
    created_at: Optional[datetime]
    updated_at: Optional[datetime]

    _fields = (
        ("email", readers.text),
        ("user_name", readers.text),
        ("full_name", readers.text),
        ("created_at", readers.date),
        ("updated_at", readers.date),
    )
    _identity = ("user_name", "email")


class Workspace(Record):
    """A git repository the server knows."""

    id: int
    name: Optional[str]
    root_commit: Optional[str]
    git_remote_url: Optional[str]
    git_commit_hash: Optional[str]
    description: Optional[str]
    creator: Optional[User]
    created_at: Optional[datetime]
    updated_at: Optional[datetime]

    _fields = (
        ("id", readers.required_integer),
        ("name", readers.text),
        ("root_commit", readers.text),
        ("git_remote_url", readers.text),
        ("git_commit_hash", readers.text),
        ("description", readers.text),
        ("creator", one(User)),
        ("created_at", readers.date),
        ("updated_at", readers.date),
    )


class Project(Record):
    """A named set of runs."""

    id: int
    name: Optional[str]
    description: Optional[str]
    creator: Optional[User]
    created_at: Optional[datetime]

    _fields = (
        ("id", readers.required_integer),
        ("name", readers.text),
        ("description", readers.text),
        ("creator", one(User)),
        ("created_at", readers.date),
    )


class Run(Record):
    """A run as the server knew it when asked. ``gpu`` is the name of its machine type."""

    id: int
    status: str
    user_exit_code: Optional[int]
    command: Optional[str]
    creator: Optional[User]
    gpu: Optional[str]
    git_commit_hash: Optional[str]
    github_url: Optional[str]
    description: Optional[str]
    docker_image: Optional[str]
    framework: str
    created_at: Optional[datetime]
    started_at: Optional[datetime]
    ended_at: Optional[datetime]
    workspace: Optional[Workspace]
    pip_packages: List[str]
    apt_packages: List[str]
    conda_env_file: Optional[str]
    attached_resources: Dict[str, str]
    environment_vars: Dict[str, str]
    already_existed: bool
    hyper_params: Dict[str, Any]
    tensorboard_directory: Optional[str]
    distributed: Optional[int]
    resumed_as_run: Any
    resumed_from_run: Any
    labels: List[str]
    project: Optional[Project]

    _fields = (
        ("id", readers.required_integer),
        ("status", readers.required_text),
        ("user_exit_code", readers.integer),
        ("command", readers.text),
        ("creator", one(User)),
        ("gpu", readers.text),
        ("git_commit_hash", readers.text),
        ("github_url", readers.text),
        ("description", readers.text),
        ("docker_image", readers.text),
        ("framework", lambda value: readers.text(value) or "default"),
        ("created_at", readers.date),
        ("started_at", readers.date),
        ("ended_at", readers.date),
        ("workspace", one(Workspace)),
        ("pip_packages", readers.texts),
        ("apt_packages", readers.texts),
        ("conda_env_file", readers.text),
        ("attached_resources", readers.mapping),
        ("environment_vars", readers.mapping),
        ("already_existed", readers.plain_flag),
        ("hyper_params", readers.mapping),
        ("tensorboard_directory", readers.text),
        ("distributed", readers.integer),
        ("resumed_as_run", readers.anything),
        ("resumed_from_run", readers.anything),
        ("labels", readers.names),
        ("project", one(Project)),
    )
    _json_names = {"project": "spell_project"}


class Workflow(Record):
    """A workflow: a master run and the runs it has launched. ``workspace_specs`` says what each label stands for."""

    id: int
    workspace_specs: Dict[str, Any]
    managing_run: Optional[Run]
    runs: List[Run]

    _fields = (
        ("id", readers.required_integer),
        ("workspace_specs", readers.mapping),
        ("managing_run", one(Run)),
        ("runs", many(Run)),
    )


class LogEntry(Record):
    """One line of a run's log; ``str(entry)`` is its text.

    ``status`` is the run's status when it was written; ``status_event`` is true where the entry tells of a status
    change and is not a line of the user's program; ``level`` is None for lines of the user's program; ``timestamp`` is
    ISO 8601.
    """

    status: Optional[str]
    log: str
    status_event: Optional[bool]
    level: Optional[str]
    important: Optional[bool]
    timestamp: Optional[str]

    _fields = (
        ("status", readers.text),
        ("log", readers.log_text),
        ("status_event", readers.flag),
        ("level", readers.text),
        ("important", readers.flag),
        ("timestamp", readers.text),
    )
    _json_names = {"timestamp": "@timestamp"}
    _identity = ("timestamp", "status", "log")

    def __str__(self) -> str:
        return self.log
