"""What scripts ask the server for: a run, and when it shall stop by itself."""

from typing import Any, Dict, List, Sequence, Union

Number = Union[int, float]


class ConditionSpecs:
    """A condition on a metric: ``operator`` is one of ``< > <= >=``; the first ``min_indices`` values do not count."""

    def __init__(self, metric: str, operator: str, value: Number, min_indices: int) -> None:
        self.metric = metric
        self.operator = operator
        self.value = value
        self.min_indices = min_indices

    def to_payload(self) -> Dict[str, Any]:
        """What the server takes."""
        return dict(vars(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConditionSpecs) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ConditionSpecs({self.metric!r}, {self.operator!r}, {self.value!r}, {self.min_indices!r})"


class StopConditions:
    """When to stop a run: as soon as all conditions of one of the lists hold."""

    def __init__(self, stop_conditions: Sequence[Sequence[ConditionSpecs]]) -> None:
        self.stop_conditions = stop_conditions

    def to_payload(self) -> List[List[Dict[str, Any]]]:
        """What the server takes."""
        return [[condition.to_payload() for condition in conditions] for conditions in self.stop_conditions]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StopConditions) and other.stop_conditions == self.stop_conditions

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"StopConditions({self.stop_conditions!r})"


# What scripts call by another name than the server.
_WIRE_NAMES = {
    "machine_type": "gpu",
    "commit_hash": "git_commit_hash",
    "envvars": "environment_vars",
    "timeout": "timeout_minutes",
}
_DEFAULTS: Dict[str, Any] = {
    **{"machine_type": "CPU", "run_type": "user", "idempotent": False},
    **dict.fromkeys(
        "node_group command workspace_id workspace_remote_url commit_hash commit_label cwd root_directory conda_file "
        "pip_env_packages requirements_file pip_packages apt_packages docker_image tensorboard_directory "
        "attached_resources description envvars timeout provider workflow_id github_url github_ref distributed "
        "stop_conditions uncommitted_hash labels auto_resume project_id params framework framework_version retry".split()
    ),
}


class RunRequest:
    """A run to be created, field by field as the server takes them.

    ``requirements_file`` and ``conda_file`` are texts here, not paths. Fields not given are None (``machine_type``:
    ``CPU``). ``client.runs.new`` makes one of these from friendlier values.
    """

    def __init__(self, **fields: Any) -> None:
        fields.pop("local_root", None)
        for name in fields:
            if name not in _DEFAULTS:
                raise TypeError(f"There is no keyword {name!r} of a run")
        self.__dict__.update(_DEFAULTS, **fields)

    def to_payload(self) -> Dict[str, Any]:
        """What the server takes."""
        payload = {_WIRE_NAMES.get(name, name): value for name, value in vars(self).items()}
        # Hints of old scripts, and words of ours; a server that does not know them need not see them.
        for name in ("framework", "framework_version", "retry"):
            if payload[name] is None:
                del payload[name]
        if isinstance(payload.get("retry"), int):
            payload["retry"] = {"limit": payload["retry"]}
        payload["idempotent"] = bool(self.__dict__["idempotent"])
        payload["attached_resources"] = _mounts(self.__dict__["attached_resources"])
        payload["stop_conditions"] = _plain(self.__dict__["stop_conditions"])
        return payload


def _mounts(resources: Any) -> Any:
    """Resource → where to mount it; without a place the server takes the resource's base name."""
    if resources is None:
        return None
    return {
        resource: place if isinstance(place, dict) else {"mount_point": place or ""}
        for resource, place in resources.items()
    }


def _plain(value: Any) -> Any:
    """Conditions, alone or in lists, as JSON."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    to_payload = getattr(value, "to_payload", None)
    return to_payload() if callable(to_payload) else value
