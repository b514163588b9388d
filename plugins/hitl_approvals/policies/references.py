"""Validate that assignees are visible to the caller."""

from typing import Any

from aasim_core.access import tree
from aasim_core.access.delegation import Delegator
from aasim_core.access.members import is_member, visible
from aasim_core.access.records import Role, Team
from aasim_core.data.records import find_or_none
from aasim_core.errors import Invalid, Problem

from ..escalation.next_assignees import Put
from ..models import HEAD, MANAGER, ROLE, TEAM, USER


def require_assignee(assignee: Put, field: str, caller: Delegator) -> None:
    """Invalid, of `field`, where an assignee is not a member of the organization, or not visible to the caller."""
    if assignee["id"] is not None and not _is_there(assignee["type"], assignee["id"], caller):
        kind = str(assignee["type"]).replace("_", " ")
        raise Invalid({field: [Problem("invalid_reference", f"There is no such {kind} in the organization.")]})


def _is_there(kind: str | None, subject_id: str, caller: Delegator) -> Any:
    if kind == USER:
        return is_member(subject_id) and subject_id in visible(caller, [subject_id])
    if kind in (ROLE, TEAM):
        return find_or_none(Role if kind == ROLE else Team, subject_id) is not None
    return kind in (HEAD, MANAGER) and tree.kind_of(subject_id) is not None
