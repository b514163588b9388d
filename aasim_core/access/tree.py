"""The organization's tree: organization, branches, departments, projects, and teams as places of their own."""

from collections.abc import Mapping

import peewee

from ..context import current_organization
from ..data.records import create, find_or_none, remove
from ..errors import Invalid, Problem, Refused, not_found
from . import epoch
from .records import Grant, Node

#: How many nodes may stand below each other, the organization included.
MAX_DEPTH = 6
#: What each kind of node may hang on.
PARENTS: Mapping[str, frozenset[str]] = {
    "branch": frozenset(("organization",)),
    "department": frozenset(("organization", "branch", "department")),
    "project": frozenset(("organization", "branch", "department")),
    "team": frozenset(("organization",)),
}


def root_path(organization_id: str) -> str:
    """The path of the organization's own node."""
    return f"/{organization_id}/"


def beyond(path: str) -> str:
    """The least text that is greater than every path in the subtree at `path`: the slash's successor is the digit zero."""
    return path[:-1] + "0"


def kind_of(node_id: str) -> str | None:
    """What stands at the node of that id, in the organization in scope; None where there is no such node."""
    node: Node | None = find_or_none(Node, node_id)
    return None if node is None else str(node.kind)


def create_root(organization_id: str) -> Node:
    """Plant the tree of a new organization."""
    node: Node = create(
        Node, id=organization_id, organization_id=organization_id, kind="organization", path=root_path(organization_id), depth=1
    )
    return node


def add(kind: str, node_id: str, parent_id: str | None = None) -> Node:
    """Hang a new node on `parent_id`, or on the organization; raises Invalid where it may not hang."""
    parent = _parent(kind, parent_id)
    _require_depth(parent.depth + 1)
    node: Node = create(Node, id=node_id, kind=kind, parent_id=parent.id, path=f"{parent.path}{node_id}/", depth=parent.depth + 1)
    epoch.bump(current_organization())
    return node


def move(node_id: str, parent_id: str | None) -> None:
    """Hang the node, with everything below, on another one; raises Invalid for a cycle, a wrong kind, or too much depth."""
    node, parent = _node(node_id), None
    parent = _parent(node.kind, parent_id)
    if parent.path.startswith(node.path):
        raise _misplaced("A node cannot hang on itself or on what is below it.")
    below = _subtree(node.path)
    lowest = Node.select(peewee.fn.MAX(Node.depth)).where(below).scalar()
    shift = parent.depth + 1 - node.depth
    _require_depth(lowest + shift)
    moved = peewee.Value(f"{parent.path}{node.id}/").concat(peewee.fn.SUBSTR(Node.path, len(node.path) + 1))
    Node.update(path=moved, depth=Node.depth + shift).where(below).execute()
    Node.update(parent_id=parent.id).where(Node.id == node.id).execute()
    epoch.bump(current_organization())


def fell(node_id: str) -> None:
    """Remove a node without children, and the grants that stood at it; Refused ``in_use`` where something hangs on it."""
    epoch.bump(current_organization())  # first, so that who gives a role here meanwhile waits for this
    node = _node(node_id)
    children = [child.id for child in Node.select(Node.id).where(Node.parent_id == node.id).order_by(Node.id).limit(20)]
    if children:
        raise Refused("in_use", "Something still hangs on this; move or delete it first.", meta={"children": children})
    # A key's grant is a limit: it outlives its place, so that the key reaches nothing there rather than everything.
    Grant.delete().where(Grant.node_id == node.id, Grant.subject_type != "api_key").execute()
    remove(node)


def _node(node_id: str) -> Node:
    node: Node | None = find_or_none(Node, node_id)
    if node is None or node.kind == "organization":
        raise not_found()
    return node


def _parent(kind: str, parent_id: str | None) -> Node:
    parent: Node | None = find_or_none(Node, parent_id or current_organization())
    if parent is None:
        raise _misplaced("There is no such place in the organization.")
    if parent.kind not in PARENTS[kind]:
        raise _misplaced(f"A {kind} cannot hang on a {parent.kind}; choose {' or '.join(sorted(PARENTS[kind]))}.")
    return parent


def _subtree(path: str) -> peewee.Expression:
    return (Node.path >= path) & (Node.path < beyond(path))


def _require_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _misplaced(f"The tree may have {MAX_DEPTH} levels; this would be level {depth}.")


def _misplaced(message: str) -> Invalid:
    return Invalid({"parent_id": [Problem("invalid_reference", message)]})
