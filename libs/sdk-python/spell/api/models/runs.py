"""Runs and what belongs to them: code, project, workflow, log, load."""

from datetime import datetime
from typing import Any, Dict, List, Optional

from spell.api import readers
from spell.api.models.users import User
from spell.api.record import Record, many, one


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
        ("root_commit", readers.text),
        ("name", readers.text),
        ("description", readers.text),
        ("git_remote_url", readers.text),
        ("creator", one(User)),
        ("created_at", readers.date),
        ("updated_at", readers.date),
        ("git_commit_hash", readers.text),
    )
    _compared = ("id", "root_commit", "name", "description", "git_remote_url", "creator", "created_at")


class Project(Record):
    """A named set of runs."""

    id: int
    name: Optional[str]
    description: Optional[str]
    total_run_count: int
    active_run_count: int
    total_runtime_seconds: float
    creator: Optional[User]
    created_at: Optional[datetime]
    updated_at: Optional[datetime]
    archived_at: Optional[datetime]

    _fields = (
        ("id", readers.required_integer),
        ("name", readers.text),
        ("description", readers.text),
        ("total_run_count", readers.count),
        ("active_run_count", readers.count),
        ("total_runtime_seconds", readers.count),
        ("creator", one(User)),
        ("created_at", readers.date),
        ("updated_at", readers.date),
        ("archived_at", readers.date),
    )
    _positions = (
        *("id", "name", "description", "creator", "created_at", "updated_at"),
        *("total_run_count", "active_run_count", "total_runtime_seconds", "archived_at"),
    )
    _compared = ("id", "name", "description")


class Run(Record):
    """A run as the server knew it when asked. ``gpu`` is the name of its machine type; times are in UTC."""

    id: int
    status: str
    user_exit_code: Optional[int]
    command: Optional[str]
    creator: Optional[User]
    gpu: Optional[str]
    git_commit_hash: Optional[str]
    github_url: Optional[str]
    description: Optional[str]
    distributed: Optional[int]
    docker_image: Optional[str]
    created_at: Optional[datetime]
    started_at: Optional[datetime]
    ended_at: Optional[datetime]
    project: Optional[Project]
    workspace: Optional[Workspace]
    pip_env_packages: List[str]
    requirements_file: Optional[str]
    pip_packages: List[str]
    apt_packages: List[str]
    conda_env_file: Optional[str]
    attached_resources: Dict[str, str]
    environment_vars: Dict[str, str]
    already_existed: bool
    hyper_params: Dict[str, Any]
    tensorboard_directory: Optional[str]
    resumed_as_run: Any
    resumed_from_run: Any
    labels: List[str]

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
        ("distributed", readers.integer),
        ("docker_image", readers.text),
        ("created_at", readers.date),
        ("started_at", readers.date),
        ("ended_at", readers.date),
        ("project", one(Project)),
        ("workspace", one(Workspace)),
        ("pip_env_packages", readers.texts),
        ("requirements_file", readers.text),
        ("pip_packages", readers.texts),
        ("apt_packages", readers.texts),
        ("conda_env_file", readers.text),
        ("attached_resources", readers.mapping),
        ("environment_vars", readers.mapping),
        ("already_existed", readers.plain_flag),
        ("hyper_params", readers.mapping),
        ("tensorboard_directory", readers.text),
        ("resumed_as_run", readers.anything),
        ("resumed_from_run", readers.anything),
        ("labels", readers.names),
    )
    _json_names = {"project": "spell_project"}
    _positions = (
        *("id", "status", "command", "creator", "gpu", "git_commit_hash", "description", "docker_image", "created_at"),
        *("project", "workspace", "pip_env_packages", "requirements_file", "pip_packages", "apt_packages"),
        *("conda_env_file", "attached_resources", "environment_vars", "user_exit_code", "started_at", "ended_at"),
        *("hyper_params", "github_url", "tensorboard_directory", "distributed", "resumed_as_run"),
        *("resumed_from_run", "labels"),
    )
    _compared = (
        *("id", "status", "command", "creator", "gpu", "git_commit_hash", "docker_image", "workspace"),
        *("pip_env_packages", "requirements_file", "pip_packages", "apt_packages", "conda_env_file"),
        *("attached_resources", "environment_vars", "tensorboard_directory", "distributed"),
    )

    framework = "default"
    """For old scripts: which of the former frameworks it uses. None of them is offered."""


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
    _compared = ("id", "workspace_specs")


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
    _compared = ("status", "log", "status_event", "level", "timestamp", "important")

    def __str__(self) -> str:
        return self.log


class CPUStats(Record):
    """What a run used at one moment. Percentages of one core and of ``memory_total``; the rest in bytes."""

    cpu_percentage: float
    memory: float
    memory_total: float
    memory_percentage: float
    network_rx: float
    network_tx: float
    block_read: float
    block_write: float

    _compared = (
        *("cpu_percentage", "memory", "memory_total", "memory_percentage"),
        *("network_rx", "network_tx", "block_read", "block_write"),
    )
    _fields = tuple((name, readers.count) for name in _compared)


class GPUStats(Record):
    """What one GPU did at one moment. Celsius, watts, per cent, mebibytes."""

    name: Any
    temperature: Any
    power_draw: Any
    power_limit: Any
    gpu_utilization: Any
    memory_utilization: Any
    memory_used: Any
    memory_total: Any
    perf_state: Any

    _compared = (
        *("name", "temperature", "power_draw", "power_limit", "gpu_utilization", "memory_utilization"),
        *("memory_used", "memory_total", "perf_state"),
    )
    _fields = tuple((name, readers.anything) for name in _compared)
