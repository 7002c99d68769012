"""What a create request is made of: from the keywords that scripts give to the fields that the server takes."""

import os
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Union

from spell.api.exceptions import ClientException
from spell.api.models.requests import RunRequest

if TYPE_CHECKING:
    from spell.client import SpellClient

PathLike = Union[str, "os.PathLike[str]"]

_DEFAULT_MACHINE_TYPE = "CPU"


def run_request(client: "SpellClient", keywords: Mapping[str, Any]) -> RunRequest:
    """The request for a run with the keywords of ``client.runs.new``. None means "not given" for every one of them.

    Raises TypeError for a keyword there is none of, and :class:`ClientException` for what cannot be asked for.
    """
    fields = dict(keywords)
    project = fields.pop("project", None)
    RunRequest(**fields)  # Refuses unknown keywords before anything is read or asked.
    code = {name: fields.get(name) for name in ("commit_label", "workspace_id")}
    pip = {name: fields.get(name) for name in ("pip_packages", "requirements_file")}
    _refuse_together({"github_url": fields.get("github_url")}, code)
    _refuse_together({"conda_file": fields.get("conda_file")}, pip)
    for name in ("requirements_file", "conda_file"):
        fields[name] = _file_text(name, fields.get(name))
    fields["envvars"] = _environment(fields.get("envvars"))
    fields["machine_type"] = fields.get("machine_type") or _DEFAULT_MACHINE_TYPE
    if fields.get("github_url") and not fields.get("github_ref"):
        fields["github_ref"] = "HEAD"
    if fields.get("workflow_id") is None and client.active_workflow is not None:
        fields["workflow_id"] = client.active_workflow.workflow.id
    if project is not None:
        fields["project_id"] = client.api.get_project_by_name(project).id
    return RunRequest(**fields)


def _environment(envvars: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """Environment variables; numbers become texts."""
    if envvars is None:
        return None
    return {name: str(value) if isinstance(value, (int, float)) else value for name, value in envvars.items()}


def _file_text(keyword: str, path: Optional[PathLike]) -> Optional[str]:
    """Contents of a file named by a keyword; it is read here, not in the run."""
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ClientException(f"Cannot read {keyword} {str(path)!r}: {error}", exception=error) from error


def _refuse_together(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    """Raise :class:`ClientException` if a keyword of each side is given."""
    for left, left_value in first.items():
        for right, right_value in second.items():
            if left_value and right_value:
                raise ClientException(f"{left} and {right} cannot be given together")
