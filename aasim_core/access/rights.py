"""The rights of one principal in the organization's tree."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ..data.compiled import numbered
from ..data.conditions import NOTHING, Condition, any_of
from ..errors import Invalid, Problem, Refused
from .records import Node
from .tree import beyond, kind_of, root_path


@dataclass(frozen=True)
class Holding:
    """Permissions held at `path` and below, until `until` if that is set."""

    permissions: frozenset[str]
    path: str
    until: datetime | None = None

    def outlasts(self, moment: datetime | None) -> bool:
        """Return whether it is held at least until `moment`; None means without end."""
        return self.until is None or (moment is not None and moment <= self.until)


class Rights:
    """The permissions of one principal in one organization in one epoch.

    `locate` returns the path of a node's id, and `below` the ids of the nodes in the subtrees at some paths, or None where there are too
    many; they are called only where the rights do not cover the whole organization. Rights that are `confined`, such as those of an API key
    limited to nodes, apply only there, whatever else is shared with the principal.
    """

    def __init__(
        self,
        organization_id: str,
        holdings: Iterable[Holding],
        locate: Callable[[str], str | None] = lambda node_id: None,
        below: Callable[[tuple[str, ...]], tuple[str, ...] | None] = lambda paths: None,
        *,
        confined: bool = False,
    ) -> None:
        self.confined = confined
        self._root = root_path(organization_id)
        self._holdings = tuple(holdings)
        self._locate, self._below = locate, below
        #: All permissions held at any node.
        self.permissions = _permissions_of(self._holdings)
        self._everywhere = _permissions_of(holding for holding in self._holdings if holding.path == self._root)

    def has_anywhere(self, permission: str) -> bool:
        """Return whether the permission is held at any node."""
        return permission in self.permissions

    def has_for_shared(self, permission: str) -> bool:
        """Return whether the permission is held for objects owned by or shared with the principal, at any node."""
        return not self.confined and self.has_anywhere(permission)

    def reach(self, permission: str) -> tuple[str, ...]:
        """Return the paths of the subtrees where the permission is held, none inside another; the root's path alone means everything."""
        return outermost(holding.path for holding in self._holdings if permission in holding.permissions)

    def reaches_everything(self, permission: str) -> bool:
        """Return whether the permission is held in the whole organization."""
        return permission in self._everywhere

    def allows(self, permission: str, path: str) -> bool:
        """Return whether the permission is held at the node of that path."""
        return any(permission in holding.permissions and path.startswith(holding.path) for holding in self._holdings)

    def allows_at(self, permission: str, node_id: str | None) -> bool:
        """Return whether the permission is held at the node of that id; None is the organization itself."""
        if self.reaches_everything(permission):
            return True
        if node_id is None or not self.has_anywhere(permission):
            return False
        path = self._locate(node_id)
        return path is not None and self.allows(permission, path)

    def knows(self, node_id: str) -> bool:
        """Return whether any permission is held at the node of that id; other nodes are invisible to the principal."""
        path = self._locate(node_id)
        return path is not None and any(path.startswith(holding.path) for holding in self._holdings)

    def require_project(self, project_id: str | None) -> None:
        """Invalid for a ``project_id`` that `knows` rejects."""
        if project_id is not None and not (kind_of(project_id) == "project" and self.knows(project_id)):
            raise Invalid({"project_id": [Problem("invalid_reference", "There is no such project.")]})

    def require_at(self, permission: str, node_id: str | None) -> None:
        """Refused ``permission_denied`` unless the permission is held at the node."""
        if not self.allows_at(permission, node_id):
            raise self.lacking_at(permission, node_id)

    def lacking_at(self, permission: str, node_id: str | None) -> Refused:
        """Return the error for a principal without the permission at the node, which it names if it is visible to them; None is the
        organization itself."""
        told = f"This needs the permission {permission}"
        if node_id is None or root_path(node_id) == self._root:
            return Refused("permission_denied", f"{told} in the whole organization.", meta={"permission": permission})
        if not self.knows(node_id):
            return Refused("permission_denied", f"{told} at the place that this belongs to.", meta={"permission": permission})
        place = {"type": kind_of(node_id), "id": node_id}
        message = f"{told} at the {place['type']} {node_id}."
        return Refused("permission_denied", message, meta={"permission": permission, "place": place})

    def holds_all(self, permissions: Iterable[str], node_id: str | None) -> bool:
        """Return whether all `permissions` are held at the node, as delegation requires."""
        return all(self.allows_at(permission, node_id) for permission in permissions)

    def nodes_within(self, permission: str) -> tuple[str, ...] | None:
        """Return the ids of the nodes where the permission is held; None where there are too many."""
        paths = self.reach(permission)
        return self._below(paths) if paths else ()

    def reach_condition(self, permission: str, model: type[Any], node_field: str | None) -> list[Condition]:
        """Return the conditions that restrict a list of `model` to the rows within reach; `node_field` names the node's column.

        Rows without a node, and records without a node's column, belong to the organization itself.
        """
        if self.reaches_everything(permission):
            return []
        paths = self.reach(permission) if node_field else ()
        if node_field is None or not paths:
            return [NOTHING]
        nodes = self._below(paths)
        if nodes is not None:
            return [_at_one_of(getattr(model, node_field), nodes)]
        below = any_of(*[Condition(_is_below, start=path, end=beyond(path)) for path in paths])
        is_below, column = below.expression, getattr(model, node_field)

        def within(**places: Any) -> Any:
            return column.in_(Node.select(Node.id).where(is_below(**places)))

        return [Condition(within, **below.values)]

    def narrowed(self, permissions: frozenset[str], paths: Sequence[str] | None = None) -> "Rights":
        """Return the rights within `permissions`, and below `paths` if given."""
        places = (self._root,) if paths is None else paths
        return self.within([Holding(permissions, path) for path in places])

    def within(self, limits: Sequence[Holding]) -> "Rights":
        """Return the rights that one of `limits` allows too; confined if one of them covers only a part of the organization."""
        common = (
            Holding(holding.permissions & limit.permissions, longer, _earlier(holding.until, limit.until))
            for holding in self._holdings
            for limit in limits
            for shorter, longer in [sorted((holding.path, limit.path), key=len)]
            if longer.startswith(shorter)
        )
        confined = any(limit.path != self._root for limit in limits)
        return self._of([holding for holding in common if holding.permissions], confined=confined)

    def lasting(self, until: datetime | None) -> "Rights":
        """Return the rights that are held at least until then; None means without end."""
        return self._of([holding for holding in self._holdings if holding.outlasts(until)])

    def _of(self, holdings: Iterable[Holding], *, confined: bool = False) -> "Rights":
        return Rights(self._root.strip("/"), holdings, self._locate, self._below, confined=confined or self.confined)


def _permissions_of(holdings: Iterable[Holding]) -> frozenset[str]:
    return frozenset[str]().union(*(holding.permissions for holding in holdings))


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that lie below no other one, sorted."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not (kept and path.startswith(kept[-1])):
            kept.append(path)
    return tuple(kept)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _is_below(start: Any, end: Any) -> Any:
    return (Node.path >= start) & (Node.path < end)


def _at_one_of(column: Any, node_ids: Sequence[str]) -> Condition:
    """Return the condition with ids in it, so that a statement can start from few rows instead of scanning those of others."""
    if not node_ids:
        return NOTHING
    return Condition(partial(_is_at, column), True, **numbered("place", node_ids))


def _is_at(column: Any, **places: Any) -> Any:
    return column.in_(list(places.values()))
