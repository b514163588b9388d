"""Permission to move a node: holders at the new parent gain rights over it, those at the old one lose them.

The delegation rule applies: a move needs every permission that the grants at the gained and lost nodes hold, and the permission to fill
each position there.
"""

from collections.abc import Callable, Iterable
from typing import Any

from ..clock import now
from ..context import current_organization
from ..data.records import Row
from . import positions
from .delegation import Delegator, with_roles
from .grants import in_force
from .records import Grant, Node


def require_move(granter: Delegator, concerns: Callable[[str], bool], at: str | None, old: str | None, new: str | None) -> None:
    """Refused ``permission_denied`` unless the mover holds, at the node `at`, every permission that the move grants or revokes.

    Both parents are node ids; None is the organization. `concerns` decides which permissions count.
    """
    held = Grant.select(Grant.role_id, Grant.node_id, Grant.expires_at).where(
        Grant.node_id.in_(_changed(old, new)), in_force(now())
    )
    for role, _, until in with_roles(held):
        granter.require_permissions(filter(concerns, granter.permissions_of(role)), at, until)


def require_positions(granter: Delegator, models: Iterable[type[Row]], at: str, old: str | None, new: str | None) -> None:
    """Check the same for the positions at the gained and lost nodes, whose holders decide about everything below."""
    places = _changed(old, new)
    for model, field, permission in positions.among(models):
        if model.select(model.id).where(model.id.in_(places), getattr(model, field).is_null(False)).exists():
            granter.rights.require_at(permission, at)


def _changed(old: str | None, new: str | None) -> list[str]:
    """Return the ids of the nodes on the way up from only one of the two parents."""
    return sorted(_way_up(old) ^ _way_up(new))


def _way_up(place: str | None) -> set[str]:
    path: Any = Node.select(Node.path).where(Node.id == (place or current_organization())).scalar()
    return set(path.strip("/").split("/"))
