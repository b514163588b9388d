"""The organization's tree: organization, branches, departments, projects, and teams as nodes of their own."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import peewee

from ..clock import now
from ..context import current_organization
from ..data.records import Row, create, find_or_none, remove
from ..errors import Invalid, Problem, Refused, not_found
from ..ids import is_id
from ..tenancy import epoch
from .records import Grant, Node

#: Maximum depth of the tree, including the organization.
MAX_DEPTH = 6
#: The kinds of parents allowed for each kind of node.
PARENTS: Mapping[str, frozenset[str]] = {
    "branch": frozenset(("organization",)),
    "department": frozenset(("organization", "branch", "department")),
    "project": frozenset(("organization", "branch", "department")),
    "team": frozenset(("organization",)),
}

#: The id prefix of each kind of node.
PREFIXES: Mapping[str, str] = {"organization": "organization", "branch": "branch", "department": "dept", "project": "project"}


def root_path(organization_id: str) -> str:
    """Return the path of the organization's own node."""
    return f"/{organization_id}/"


def beyond(path: str) -> str:
    """Return the least text greater than every path in the subtree at `path`: the slash's successor is the digit zero."""
    return path[:-1] + "0"


def kind_of(node_id: str) -> str | None:
    """Return the kind of the node of that id in the organization in scope; None where there is no such node."""
    node: Node | None = find_or_none(Node, node_id)
    return None if node is None else str(node.kind)


def create_root(organization_id: str) -> Node:
    """Create the root of a new organization's tree."""
    node: Node = create(
        Node, id=organization_id, organization_id=organization_id, kind="organization", path=root_path(organization_id), depth=1
    )
    return node


def find(node_id: str, kind: str) -> Node:
    """Return the node of that id if it is of that kind; raises the uniform 404."""
    node: Node | None = find_or_none(Node, node_id) if is_id(node_id, PREFIXES[kind]) else None
    if node is None or node.kind != kind:
        raise not_found()
    return node


def nearest(node: Node, kind: str) -> str | None:
    """Return the id of the nearest node of that kind from the node, itself included, up to the root."""
    way = reversed(node.path.strip("/").split("/"))
    return next((node_id for node_id in way if node_id.startswith(f"{PREFIXES[kind]}_")), None)


def add(kind: str, node_id: str, parent_id: str | None = None, field: str = "parent_id") -> Node:
    """Add a node below `parent_id`, or below the organization; raises Invalid, of `field`, for an invalid parent."""
    parent = parent_of(kind, parent_id, field)
    _require_depth(parent.depth + 1, field)
    node: Node = create(Node, id=node_id, kind=kind, parent_id=parent.id, path=f"{parent.path}{node_id}/", depth=parent.depth + 1)
    epoch.bump(current_organization())
    return node


def move(node_id: str, parent_id: str | None, field: str = "parent_id") -> int:
    """Move the node, with its subtree, to another parent; returns how many nodes moved with it.

    Raises Invalid, of `field`, for a cycle, a wrong kind, or too much depth.
    """
    epoch.bump(current_organization())  # first, so that concurrent moves wait for this
    node = _node(node_id)
    parent = parent_of(node.kind, parent_id, field)
    if parent.path.startswith(node.path):
        raise _misplaced("A node cannot belong to itself or to a node below it.", field)
    below = _subtree(node.path)
    lowest = Node.select(peewee.fn.MAX(Node.depth)).where(below).scalar()
    shift = parent.depth + 1 - node.depth
    _require_depth(lowest + shift, field)
    moved = peewee.Value(f"{parent.path}{node.id}/").concat(peewee.fn.SUBSTR(Node.path, len(node.path) + 1))
    count = Node.update(path=moved, depth=Node.depth + shift).where(below).execute()
    Node.update(parent_id=parent.id).where(Node.id == node.id).execute()
    return int(count) - 1


def carry(models: Iterable[type[Row]], node_id: str, branch_id: str | None) -> None:
    """Update the branch of everything that moved to another branch with the node.

    A record that stores its branch declares in its ``Meta`` which field names its node: ``carried = "id"``.
    """
    places = Node.select(Node.id).where(_subtree(_node(node_id).path))
    for model in models:
        field = getattr(model._meta, "carried", None)
        if field is not None:
            row: Any = model
            other = row.branch_id.is_null(False) if branch_id is None else _differs(row.branch_id, branch_id)
            values = {"branch_id": branch_id, "version": row.version + 1, "updated_at": now()}
            row.update(values).where(getattr(row, field).in_(places), other).execute()


def archive(node_id: str, moment: datetime | None) -> None:
    """Make everything that belongs to the node read-only from `moment` on; None ends that."""
    Node.update(archived_at=moment).where(Node.id == node_id).execute()
    epoch.bump(current_organization())


def hold(node_id: str, moment: datetime | None) -> None:
    """From `moment` on, prevent new work that belongs to the node; running work continues. None ends that."""
    Node.update(held_at=moment).where(Node.id == node_id).execute()


def refuse_to_begin(node_id: str | None) -> None:
    """Refused ``invalid_state`` where no new work may start at the node: it is on hold, or archived."""
    node: Node | None = None if node_id is None else find_or_none(Node, node_id)
    if node is None or (node.held_at or node.archived_at) is None:
        return
    state = "on hold" if node.archived_at is None else "archived"
    message = f"The {node.kind} is {state}, so nothing begins in it; make it active again first."
    raise Refused("invalid_state", message, meta={node.kind: node.id, "status": state.replace(" ", "_")})


def fell(node_id: str) -> None:
    """Delete a node without children, and the grants at it; Refused ``in_use`` where it has children."""
    epoch.bump(current_organization())  # first, so that a concurrent grant here waits for this
    node = _node(node_id)
    children = [child.id for child in Node.select(Node.id).where(Node.parent_id == node.id).order_by(Node.id).limit(20)]
    if children:
        raise Refused("in_use", "This still has children; move or delete them first.", meta={"children": children})
    # A key's grant is a limit: it outlives its node, so that the key reaches nothing there rather than everything.
    Grant.delete().where(Grant.node_id == node.id, Grant.subject_type != "api_key").execute()
    remove(node)


def _node(node_id: str) -> Node:
    node: Node | None = find_or_none(Node, node_id)
    if node is None or node.kind == "organization":
        raise not_found()
    return node


def parent_of(kind: str, parent_id: str | None, field: str = "parent_id") -> Node:
    """Return the parent node, by default the organization's; raises Invalid, of `field`, if a node of the kind cannot belong to it."""
    parent: Node | None = find_or_none(Node, parent_id or current_organization())
    if parent is None:
        raise _misplaced("There is no such place in the organization.", field)
    if parent.kind not in PARENTS[kind]:
        raise _misplaced(f"A {kind} cannot belong to a {parent.kind}; choose {' or '.join(sorted(PARENTS[kind]))}.", field)
    return parent


def _subtree(path: str) -> peewee.Expression:
    return (Node.path >= path) & (Node.path < beyond(path))


def _differs(column: Any, value: str) -> Any:
    return column.is_null() | (column != value)


def _require_depth(depth: int, field: str) -> None:
    if depth > MAX_DEPTH:
        raise _misplaced(f"The tree may have {MAX_DEPTH} levels; this would be level {depth}.", field)


def _misplaced(message: str, field: str) -> Invalid:
    return Invalid({field: [Problem("invalid_reference", message)]})
