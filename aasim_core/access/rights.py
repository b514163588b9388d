"""What one principal may do, and where in the organization's tree."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import peewee

from ..data.statements import Bind, Condition
from ..errors import Refused
from .records import Node
from .tree import beyond, root_path


@dataclass(frozen=True)
class Holding:
    """Permissions that are held at `path` and below, until `until` if that is set."""

    permissions: frozenset[str]
    path: str
    until: datetime | None = None

    def outlasts(self, moment: datetime | None) -> bool:
        """Whether it is held at least as long as until `moment`; None is for ever."""
        return self.until is None or (moment is not None and moment <= self.until)


class Rights:
    """The permissions of one principal in one organization, as they are in one epoch.

    `locate` finds the path of a node's id; it is asked only where the rights do not reach the whole organization. Rights that are
    `confined`, as an API key's are that is limited to places, count there only, whoever else something is shared with.
    """

    def __init__(
        self,
        organization_id: str,
        holdings: Iterable[Holding],
        locate: Callable[[str], str | None] = lambda node_id: None,
        *,
        confined: bool = False,
    ) -> None:
        self.confined = confined
        self._root = root_path(organization_id)
        self._holdings = tuple(holdings)
        self._locate = locate
        #: Everything that is held somewhere.
        self.permissions = _permissions_of(self._holdings)
        self._everywhere = _permissions_of(holding for holding in self._holdings if holding.path == self._root)

    def has_anywhere(self, permission: str) -> bool:
        """Whether the permission is held at any node."""
        return permission in self.permissions

    def has_for_shared(self, permission: str) -> bool:
        """Whether the permission is held for what is one's own, or shared with one, wherever in the organization that is."""
        return not self.confined and self.has_anywhere(permission)

    def reach(self, permission: str) -> tuple[str, ...]:
        """The paths of the subtrees where the permission is held, none inside another; the root's path alone is everything."""
        return outermost(holding.path for holding in self._holdings if permission in holding.permissions)

    def reaches_everything(self, permission: str) -> bool:
        """Whether the permission is held in the whole organization."""
        return permission in self._everywhere

    def allows(self, permission: str, path: str) -> bool:
        """Whether the permission is held at the node of that path."""
        return any(permission in holding.permissions and path.startswith(holding.path) for holding in self._holdings)

    def allows_at(self, permission: str, node_id: str | None) -> bool:
        """Whether the permission is held at the node of that id; None is the organization itself."""
        if self.reaches_everything(permission):
            return True
        if node_id is None or not self.has_anywhere(permission):
            return False
        path = self._locate(node_id)
        return path is not None and self.allows(permission, path)

    def knows(self, node_id: str) -> bool:
        """Whether anything is held at the node of that id: a place where one may do nothing is not there for them."""
        path = self._locate(node_id)
        return path is not None and any(path.startswith(holding.path) for holding in self._holdings)

    def require_at(self, permission: str, node_id: str | None) -> None:
        """Refused ``permission_denied`` unless the permission is held at the node."""
        if not self.allows_at(permission, node_id):
            raise Refused("permission_denied", f"This needs the permission {permission} there.", meta={"permission": permission})

    def holds_all(self, permissions: Iterable[str], node_id: str | None) -> bool:
        """Whether every one of `permissions` is held at the node: nobody gives away what they do not hold."""
        return all(self.allows_at(permission, node_id) for permission in permissions)

    def reach_condition(self, permission: str, model: type[Any], node_field: str | None, name: str = "reach") -> list[Condition]:
        """What restricts a list of `model` to the rows whose node is within reach; `node_field` names the node's column.

        Rows without a node, and records without a node's column, belong to the organization itself. Where two reaches meet in one
        query, each has a `name` of its own.
        """
        if self.reaches_everything(permission):
            return []
        paths = self.reach(permission) if node_field else ()
        shape = (name, node_field, len(paths))
        if not paths:
            return [Condition(lambda: peewee.SQL("1 = 0"), {}, shape)]
        values = {
            f"{name}_{side}{n}": value for n, path in enumerate(paths) for side, value in (("from", path), ("to", beyond(path)))
        }

        def within() -> Any:
            nodes = Node.select(Node.id).where(_any_of([_between(name, n) for n in range(len(paths))]))
            return getattr(model, str(node_field)).in_(nodes)

        return [Condition(within, values, shape)]

    def narrowed(self, permissions: frozenset[str], paths: Sequence[str] | None = None) -> "Rights":
        """The part of the rights within `permissions`, and below `paths` if they are given."""
        places = (self._root,) if paths is None else paths
        return self.within([Holding(permissions, path) for path in places])

    def within(self, limits: Sequence[Holding]) -> "Rights":
        """The part of the rights that one of `limits` allows too; confined, if one of them is for a part of the organization."""
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
        """The part of the rights that is held at least until then; None is for ever."""
        return self._of([holding for holding in self._holdings if holding.outlasts(until)])

    def _of(self, holdings: Iterable[Holding], *, confined: bool = False) -> "Rights":
        return Rights(self._root.strip("/"), holdings, self._locate, confined=confined or self.confined)


def _permissions_of(holdings: Iterable[Holding]) -> frozenset[str]:
    return frozenset[str]().union(*(holding.permissions for holding in holdings))


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that lie below no other one, sorted."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not (kept and path.startswith(kept[-1])):
            kept.append(path)
    return tuple(kept)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _between(name: str, number: int) -> Any:
    return (Node.path >= Bind(f"{name}_from{number}")) & (Node.path < Bind(f"{name}_to{number}"))


def _any_of(conditions: Sequence[Any]) -> Any:
    first, *others = conditions
    for other in others:
        first = first | other
    return first
