"""Escalation: the next assignees of an approval that was not decided in time."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aasim_core.access.records import Node
from aasim_core.context import current_organization
from aasim_core.data.records import find_or_none, insert_rows

from ..models import HEAD, LADDER, MANAGER, OWNER, Approval, Assignee
from .business_hours import Calendar

if TYPE_CHECKING:
    from aasim_core import App

    from ..eligibility.rules import Eligibility

#: An assignee as answers have it: its type and, where that does not say it all, an id.
Put = dict[str, str | None]


def put(eligibility: "Eligibility", approval: Approval, level: int, assignees: Sequence[Put]) -> bool:
    """Record the approval's assignees at the level; returns whether any of them may decide. Needs a transaction."""
    rows = [
        {
            "organization_id": approval.organization_id,
            "approval_id": approval.id,
            "level": level,
            "type": one["type"],
            "subject_id": one["id"] or "",
            "is_open": True,
        }
        for one in assignees
    ]
    insert_rows(Assignee, rows)
    return bool(eligibility.people(approval.id, level, at_most=1))


def climb(eligibility: "Eligibility", approval: Approval, level: int) -> list[Put] | None:
    """Put the approval at the level to the next on the way up where anybody may decide; None at its end. Needs a transaction."""
    asked = {(row.type, row.subject_id) for row in Assignee.select().where(Assignee.approval_id == approval.id)}
    way = list(rungs(approval.project_id))
    highest = max((number for number, rung in enumerate(way) if (rung["type"], rung["id"] or "") in asked), default=-1)
    for rung in way[highest + 1 :]:
        if put(eligibility, approval, level, [rung]):
            return [rung]
        Assignee.delete().where(Assignee.approval_id == approval.id, Assignee.level == level).execute()
    return None


def resolved(assignees: Sequence[Put], project_id: str | None) -> list[Put]:
    """Return the assignees of a policy for a project: a position without a node is the nearest one's; the ladder itself assigns nobody."""
    nearest = {rung["type"]: rung for rung in reversed(list(rungs(project_id)))}
    found = [one if one["id"] or one["type"] not in (HEAD, MANAGER) else nearest.get(one["type"]) for one in assignees]
    different = {(one["type"], one["id"]): one for one in found if one is not None and one["type"] != LADDER}
    return list(different.values())


def rungs(project_id: str | None) -> Iterator[Put]:
    """The heads of the departments that the project is in, the nearest first, the manager of the branch, and the owners."""
    for place in _way_up(project_id):
        if place.startswith("dept_"):
            yield {"type": HEAD, "id": place}
        elif place.startswith("branch_"):
            yield {"type": MANAGER, "id": place}
    yield {"type": OWNER, "id": None}


def calendar_of(app: "App", project_id: str | None) -> Calendar:
    """The hours of the branch that the project is in; without one, all hours count."""
    branch_id = next((place for place in _way_up(project_id) if place.startswith("branch_")), None)
    if branch_id is None or not app.features.is_here("branches"):
        return Calendar()
    from .. import with_branches

    return with_branches.calendar_of(branch_id)


def _way_up(project_id: str | None) -> list[str]:
    """The ids of the places from the project up to the organization."""
    node: Node | None = find_or_none(Node, project_id or current_organization())
    return [] if node is None else node.path.strip("/").split("/")[::-1]
