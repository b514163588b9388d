"""A move in the tree gives rights over what is moved to those who hold something at its new place, and takes them at the old one.

Nobody gives or takes what they do not hold. So a move asks for every permission that the grants at the places gained and lost hold,
and for the permission to fill each position there.
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


def require_move(giver: Delegator, concerns: Callable[[str], bool], at: str | None, old: str | None, new: str | None) -> None:
    """Refused ``permission_denied`` unless the giver holds, at the node `at`, what a move from one place to the other gives and takes.

    A place is the id of the node that something hangs on; None is the organization. `concerns` says which permissions count.
    """
    held = Grant.select(Grant.role_id, Grant.node_id, Grant.expires_at).where(
        Grant.node_id.in_(_changed(old, new)), in_force(now())
    )
    for role, _, until in with_roles(held):
        giver.require_permissions(filter(concerns, giver.permissions_of(role)), at, until)


def require_positions(giver: Delegator, models: Iterable[type[Row]], at: str, old: str | None, new: str | None) -> None:
    """The same for the positions at the places gained and lost, whose holders decide about what is below."""
    places = _changed(old, new)
    for model, field, permission in positions.among(models):
        if model.select(model.id).where(model.id.in_(places), getattr(model, field).is_null(False)).exists():
            giver.rights.require_at(permission, at)


def _changed(old: str | None, new: str | None) -> list[str]:
    """The ids of the nodes that are on the way up from one of the two places only."""
    return sorted(_way_up(old) ^ _way_up(new))


def _way_up(place: str | None) -> set[str]:
    path: Any = Node.select(Node.path).where(Node.id == (place or current_organization())).scalar()
    return set(path.strip("/").split("/"))
