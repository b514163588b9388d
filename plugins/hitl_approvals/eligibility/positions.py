"""Positions in the organization to which approvals can be assigned, as far as their plugins are enabled."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..models import HEAD, MANAGER

if TYPE_CHECKING:
    from aasim_core import App


class Position(NamedTuple):
    """One kind of position: the columns that have who holds it, and the place; `is_held(place, user)` is whether the user does."""

    is_held: Callable[[Any, Any], Any]
    holder: Any
    place: Any


def positions_of(app: "App") -> Mapping[str, Position]:
    """The positions by the type of assignee."""
    found: dict[str, Position] = {}
    if app.plugins.is_on("departments"):
        from .. import with_departments

        found[HEAD] = Position(with_departments.is_head, *with_departments.HEADS)
    if app.plugins.is_on("branches"):
        from .. import with_branches

        found[MANAGER] = Position(with_branches.is_manager, *with_branches.MANAGERS)
    return found
