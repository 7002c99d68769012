"""The records the server speaks of, and what is sent to it. Fields the server adds later are ignored."""

from spell.api.models.hyper import (
    FLOAT,
    INT,
    LINEAR,
    LOG,
    REVERSE_LOG,
    HyperSearch,
    HyperSearchInfo,
    RangeSpec,
    ValueSpec,
)
from spell.api.models.requests import ConditionSpecs, RunRequest, StopConditions
from spell.api.models.resources import LsLine, ModelFileSpec, ModelVersion, SpellModel, UserDataset
from spell.api.models.runs import CPUStats, GPUStats, LogEntry, Project, Run, Workflow, Workspace
from spell.api.models.users import AccessToken, OrgMember, Owner, User
from spell.api.record import Record as Model

__all__ = [
    "AccessToken",
    "CPUStats",
    "ConditionSpecs",
    "FLOAT",
    "GPUStats",
    "HyperSearch",
    "HyperSearchInfo",
    "INT",
    "LINEAR",
    "LOG",
    "LogEntry",
    "LsLine",
    "Model",
    "ModelFileSpec",
    "ModelVersion",
    "OrgMember",
    "Owner",
    "Project",
    "REVERSE_LOG",
    "RangeSpec",
    "Run",
    "RunRequest",
    "SpellModel",
    "StopConditions",
    "User",
    "UserDataset",
    "ValueSpec",
    "Workflow",
    "Workspace",
]

# They are found here, in whatever file they stand; that is what `type(run)` and pickles shall say.
for _name in __all__:
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
