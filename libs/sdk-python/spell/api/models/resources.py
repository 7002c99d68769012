"""Files on the server: what a listing shows, uploads, models made of files."""

from datetime import datetime
from typing import Any, Dict, List, Optional

from spell.api import readers
from spell.api.exceptions import ClientException
from spell.api.models.users import User
from spell.api.record import Record, many, one


class LsLine(Record):
    """One entry of a listing. ``size``: bytes, of folders None; their ``path`` ends in ``/``. ``date``: ISO 8601."""

    path: str
    size: Optional[int]
    date: Optional[str]
    additional_info: Optional[str]
    link_target: Optional[str]

    _fields = (
        ("path", readers.required_text),
        ("size", readers.integer),
        ("date", readers.text),
        ("additional_info", readers.text),
        ("link_target", readers.text),
    )
    _compared = ("path", "size")


class UserDataset(Record):
    """An upload: ``uploads/<name>`` once it is complete."""

    id: int
    name: Optional[str]
    status: Optional[str]
    updated_at: Optional[datetime]
    created_at: Optional[datetime]

    _fields = (
        ("id", readers.required_integer),
        ("name", readers.text),
        ("status", readers.text),
        ("updated_at", readers.date),
        ("created_at", readers.date),
    )
    _compared = ("id", "name", "status", "created_at")


class ModelFileSpec(Record):
    """A file or folder of a model: where it lies in the resource, and where in the model (None: by its own name)."""

    resource_path: str
    destination_path: Optional[str]
    is_dir: Optional[bool]

    _fields = (
        ("resource_path", readers.required_text),
        ("destination_path", readers.text),
        ("is_dir", readers.flag),
    )
    _compared = ("resource_path", "destination_path")

    @classmethod
    def from_string(cls, text: str) -> "ModelFileSpec":
        """Read ``RESOURCE_PATH`` or ``RESOURCE_PATH:DESTINATION_PATH``."""
        parts = text.split(":") if isinstance(text, str) else []
        if len(parts) not in (1, 2) or not all(parts):
            raise ClientException(f"A file of a model is RESOURCE_PATH or RESOURCE_PATH:DESTINATION_PATH, not {text!r}")
        return cls(*parts)

    def to_payload(self) -> Dict[str, Any]:
        """What the server takes."""
        return {"resource_path": self.resource_path, "destination_path": self.destination_path}


class ModelVersion(Record):
    """One version of a model: which files of which resource."""

    id: int
    model_id: Optional[int]
    model_name: Optional[str]
    formatted_version: Optional[str]
    version: Optional[str]
    creator: Optional[User]
    created_at: Optional[datetime]
    resource: Optional[str]
    files: List[ModelFileSpec]
    description: Optional[str]

    _fields = (
        ("id", readers.required_integer),
        ("model_id", readers.integer),
        ("model_name", readers.text),
        ("formatted_version", readers.text),
        ("version", readers.text),
        ("creator", one(User)),
        ("created_at", readers.date),
        ("resource", readers.text),
        ("files", many(ModelFileSpec)),
        ("description", readers.text),
    )
    _positions = ("id", "formatted_version", "version", "creator", "created_at", "resource", "files", "description")

    @property
    def specifier(self) -> str:
        """``NAME:VERSION``, as the command line takes it."""
        return f"{self.model_name}:{self.formatted_version}"


class SpellModel(Record):
    """A model with its versions."""

    id: int
    name: Optional[str]
    creator: Optional[User]
    created_at: Optional[datetime]
    model_versions: List[ModelVersion]

    _fields = (
        ("id", readers.required_integer),
        ("name", readers.text),
        ("creator", one(User)),
        ("created_at", readers.date),
        ("model_versions", many(ModelVersion)),
    )
