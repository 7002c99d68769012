"""Who uses the server: people, their access tokens, the owners of runs."""

from datetime import datetime
from typing import Any, List, Optional

from spell.api import readers
from spell.api.record import Record, many


class User(Record):
    """Somebody with an account. Times are in UTC."""

    email: Optional[str]
    user_name: Optional[str]
    full_name: Optional[str]
    created_at: Optional[datetime]
    updated_at: Optional[datetime]
    is_admin: bool
    last_logged_in: Optional[datetime]
    memberships: List["OrgMember"]

    _fields = (
        ("email", readers.text),
        ("user_name", readers.text),
        ("full_name", readers.text),
        ("created_at", readers.date),
        ("updated_at", readers.date),
        ("is_admin", readers.plain_flag),
        ("last_logged_in", readers.date),
        ("memberships", lambda value: many(OrgMember)(value)),
    )
    _positions = ("email", "user_name", "created_at", "updated_at", "is_admin", "full_name", "last_logged_in")
    _compared = ("email", "user_name", "full_name", "created_at")


class OrgMember(Record):
    """That a user belongs to an organisation, and as what."""

    role: Optional[str]
    organization: Any
    created_at: Optional[datetime]
    updated_at: Optional[datetime]

    _fields = (
        ("role", readers.text),
        ("organization", readers.anything),
        ("created_at", readers.date),
        ("updated_at", readers.date),
    )
    _compared = ("role", "organization", "created_at")


class AccessToken(Record):
    """A token made for programs, by its name; its text is told once, when it is made."""

    name: Optional[str]
    created_at: Optional[datetime]
    last_used_at: Optional[datetime]

    _fields = (
        ("name", readers.text),
        ("created_at", readers.date),
        ("last_used_at", readers.date),
    )
    _compared = ("name", "created_at")


class Owner(Record):
    """A name space of runs: a user or an organisation, as ``type`` says."""

    name: Optional[str]
    type: Optional[str]
    requestor_role: Optional[str]
    permissions: Any
    github_username: Optional[str]
    clusters: Any

    _fields = (
        ("name", readers.text),
        ("type", readers.text),
        ("requestor_role", readers.text),
        ("permissions", readers.anything),
        ("github_username", readers.text),
        ("clusters", readers.anything),
    )
    _compared = ("name", "type")
