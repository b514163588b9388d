"""Validation of members beyond their schema: their node and their manager."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from aasim_core import Invalid, Problem, Request
from aasim_core.access import tree
from aasim_core.access.delegation import Delegator
from aasim_core.access.members import require_visible_member
from aasim_core.access.records import Node
from aasim_core.context import current_organization
from aasim_core.data.records import find_or_none
from aasim_core.tenancy import epoch

from . import service
from .service import Member

#: Managers above one another; a line that is longer has no end.
_MOST_ABOVE = 100


def checked(req: Request, caller: Delegator, values: Mapping[str, Any], member: Member | None = None) -> dict[str, Any]:
    """The values with a place of one piece; Invalid for a place or manager that is not there for the caller, or does not fit."""
    if values.get("manager_id") is not None and values["manager_id"] != _now(member, "manager_id"):
        _require_manager(caller, values["manager_id"], member)
    if not {"branch_id", "department_id"} & values.keys():
        return dict(values)
    department_id = values.get("department_id", _now(member, "department_id"))
    if department_id is None:
        branch_id = values.get("branch_id", _now(member, "branch_id"))
        if branch_id is not None and branch_id != _now(member, "branch_id"):
            _require_node(req, "branch", branch_id)
    else:
        branch_id = _branch_of(req, department_id, values.get("branch_id"), member)
    return {**values, "department_id": department_id, "branch_id": branch_id}


def place_of(values: Mapping[str, Any], member: Member | None = None) -> str | None:
    """The node where the values put them; None is the organization itself."""
    department_id, branch_id = (values.get(name, _now(member, name)) for name in ("department_id", "branch_id"))
    place: str | None = department_id or branch_id
    return place


def _now(member: Member | None, name: str) -> Any:
    return None if member is None else member.row[name]


def _branch_of(req: Request, department_id: str, given: str | None, member: Member | None) -> str | None:
    """The branch that the department is in; Invalid where another one is given."""
    unseen = department_id != _now(member, "department_id")
    node = _require_node(req, "department", department_id) if unseen else tree.find(department_id, "department")
    branch_id = tree.nearest(node, "branch")
    if given not in (None, branch_id):
        message = "The department is in another branch, or in none; leave this out, for it follows from the department."
        raise Invalid({"branch_id": [Problem("invalid_reference", message)]})
    return branch_id


def _require_node(req: Request, kind: str, node_id: str) -> Node:
    """Return the node; Invalid where it is not visible to the caller, who must have a permission at it."""
    node: Node | None = find_or_none(Node, node_id)
    if node is None or node.kind != kind or not req.rights.knows(node_id):
        raise Invalid({f"{kind}_id": [Problem("invalid_reference", f"There is no such {kind} in the organization.")]})
    return node


def _require_manager(caller: Delegator, manager_id: str, member: Member | None) -> None:
    """Invalid for a manager who is no active member for the caller, is the member, or works for the member."""
    require_visible_member(caller, manager_id, "manager_id")
    if member is None:
        return
    epoch.bump(current_organization())  # first, so that two who would become each other's manager wait for each other
    line = [manager_id, *islice(service.managers_above(manager_id), _MOST_ABOVE)]
    if member.id in line:
        raise Invalid({"manager_id": [Problem("invalid_reference", "Nobody is their own manager, nor that of their manager.")]})
    if len(line) > _MOST_ABOVE:
        raise Invalid({"manager_id": [Problem("invalid_reference", "There are too many managers above this one.")]})


def no_teams(numbers: Iterable[int]) -> Invalid:
    """What is answered for teams that are not there for the caller, by their places in the list."""
    return Invalid(
        {
            f"team_ids[{number}]": [Problem("invalid_reference", "There is no such team in the organization.")]
            for number in numbers
        }
    )
