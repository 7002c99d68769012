"""What a create request is made of: pure functions from the values scripts give to the values the server takes."""

import os
from typing import Any, Dict, Mapping, Optional, Union

from spell.api.exceptions import ClientException

PathLike = Union[str, "os.PathLike[str]"]


def mounts(attached_resources: Optional[Mapping[str, Optional[str]]]) -> Optional[Dict[str, Dict[str, str]]]:
    """Resource → where to mount it; without a place the server takes the resource's base name."""
    if attached_resources is None:
        return None
    return {resource: {"mount_point": path or ""} for resource, path in attached_resources.items()}


def environment(envvars: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """Environment variables; numbers become texts."""
    if envvars is None:
        return None
    return {name: str(value) if isinstance(value, (int, float)) else value for name, value in envvars.items()}


def file_text(keyword: str, path: Optional[PathLike]) -> Optional[str]:
    """Contents of a file named by a keyword of ``runs.new``; it is read here, not in the run."""
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ClientException(f"Cannot read {keyword} {str(path)!r}: {error}", exception=error) from error


def refuse_together(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    """Raise :class:`ClientException` if a keyword of each side is given."""
    for left, left_value in first.items():
        for right, right_value in second.items():
            if left_value and right_value:
                raise ClientException(f"{left} and {right} cannot be given together")
