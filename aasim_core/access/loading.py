"""Load a principal's rights: one query per change of rights in the organization, cached in between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import orjson
import peewee

from ..clock import from_text, now
from ..context import organization_scope
from ..data.compiled import compiled, numbered, one_of
from ..data.statements import Bind
from ..errors import Refused
from .cache import BoundedCache
from .permissions import Permission
from .records import Grant, Node, Role, TeamMember
from .rights import Holding, Rights
from .roles import built_in_permissions
from .tree import beyond

if TYPE_CHECKING:
    from ..tenancy.principal import Caller, Principal


#: A path that no node has.
_NOWHERE = "//"
#: Maximum number of nodes that lists name individually; callers who reach more see enough to fill a page soon.
_FEW = 64


@dataclass(frozen=True)
class _Loaded:
    rights: Rights
    until: datetime | None


class RightsCache:
    """Caches the rights of recent principals, by (principal, organization, epoch), so that no entry is ever stale.

    `permissions` returns the declared ones, which are complete before the first request.
    """

    def __init__(self, permissions: Callable[[], Mapping[str, Permission]], size: int = 4096) -> None:
        self._permissions = permissions
        self._loaded: BoundedCache[Any, _Loaded] = BoundedCache(size)
        self._path_of = lru_cache(size)(self._read_path)
        self._below = lru_cache(size)(self._read_below)
        self._archived = lru_cache(size)(self._read_archived)

    def of(self, principal: "Principal") -> Rights:
        """Return the current rights of `principal`; a key has its creator's, within the key's scopes and its own grants."""
        key = (principal.id, principal.organization_id, principal.authz_epoch, principal.scopes, principal.node_id)
        loaded = self._loaded.get(key)
        if loaded is None or (loaded.until is not None and loaded.until <= now()):
            with organization_scope(principal.organization_id):
                loaded = self._load(principal)
            self._loaded.put(key, loaded)
        return loaded.rights

    def refuse_archived(self, caller: "Caller", node_id: str | None) -> None:
        """Refused ``invalid_state`` where everything that belongs to the node is read-only."""
        if node_id is not None and self._archived(caller.organization_id, caller.authz_epoch, node_id):
            message = "This belongs to what is archived, and can only be read; make that active again first."
            raise Refused("invalid_state", message, meta={"archived": node_id})

    @cached_property
    def built_in(self) -> Mapping[str, frozenset[str]]:
        """Return the permissions of each built-in role; the declarations are complete before the first request."""
        return built_in_permissions(self._permissions())

    def _load(self, principal: "Principal") -> _Loaded:
        organization_id, epoch, moment = principal.organization_id, principal.authz_epoch, now()
        given = self._read_grants(principal)
        grants = [grant for grant in given if grant.path is not None and (grant.until is None or grant.until > moment)]
        rights = Rights(
            organization_id,
            [grant.holding for grant in grants if not grant.is_limit],
            lambda node_id: self._path_of(organization_id, epoch, node_id),
            lambda paths: self._below(organization_id, epoch, paths),
        )
        if principal.scopes is not None:
            paths = None if principal.node_id is None else [self._path_of(organization_id, epoch, principal.node_id) or _NOWHERE]
            rights = rights.narrowed(principal.scopes, paths)
        if any(grant.is_limit for grant in given):
            # An expired limit leaves no rights, rather than all.
            rights = rights.within([grant.holding for grant in grants if grant.is_limit])
        return _Loaded(rights, min((grant.until for grant in grants if grant.until is not None), default=None))

    def _read_grants(self, principal: "Principal") -> list["_Grant"]:
        teams = [team_id for (team_id,) in _teams.all(user_id=principal.user_id)]
        subjects = [principal.user_id, *([principal.api_key_id] if principal.api_key_id else []), *teams]
        rows = _grants_of(subjects)
        return [
            _Grant(
                subject_type == "api_key",
                self.built_in.get(name, frozenset()) if built_in else _parsed(permissions),
                path,
                from_text(expires_at) if expires_at else None,
            )
            for subject_type, name, built_in, permissions, path, expires_at in rows
        ]

    def _read_path(self, organization_id: str, epoch: int, node_id: str) -> str | None:
        """Return the node's path; it cannot change within the epoch."""
        with organization_scope(organization_id):
            return Node.select(Node.path).where(Node.id == node_id).scalar()  # type: ignore[no-any-return]

    def _read_below(self, organization_id: str, epoch: int, paths: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return the ids of the nodes in the subtrees, constant within the epoch; None where there are too many."""
        if len(paths) > _FEW:
            return None
        is_below = reduce(or_, [(Node.path >= path) & (Node.path < beyond(path)) for path in paths])
        with organization_scope(organization_id):
            found = [str(node.id) for node in Node.select(Node.id).where(is_below).limit(_FEW + 1)]
        return tuple(found) if len(found) <= _FEW else None

    def _read_archived(self, organization_id: str, epoch: int, node_id: str) -> bool:
        with organization_scope(organization_id):
            return bool(Node.select(Node.id).where(Node.id == node_id, Node.archived_at.is_null(False)).exists())


@dataclass(frozen=True)
class _Grant:
    """A grant; one to a key is a limit. `path` is None where the node no longer exists."""

    is_limit: bool
    permissions: frozenset[str]
    path: str | None
    until: datetime | None

    @property
    def holding(self) -> Holding:
        """Return the rights that it gives until it expires."""
        return Holding(self.permissions, self.path or _NOWHERE, self.until)


@lru_cache(maxsize=1024)
def _parsed(permissions: str) -> frozenset[str]:
    """Return the permissions of a custom role; equal texts share one set, and so do their principals."""
    return frozenset(orjson.loads(permissions))


@compiled(TeamMember)
def _teams() -> Any:
    return TeamMember.select(TeamMember.team_id).where(TeamMember.user_id == Bind("user_id"))


def _grants_of(subjects: Sequence[str]) -> Sequence[Any]:
    """Return every grant to one of these users, teams and keys."""
    named = numbered("subject", subjects)
    return _grants.all(len(named), **named)


@compiled(Grant)
def _grants(size: int) -> Any:
    # A list rather than a subquery: PostgreSQL's generic plan would read all grants of the organization, as most have few.
    return (
        Grant.select(Grant.subject_type, Role.name, Role.built_in, Role.permissions, Node.path, Grant.expires_at)
        .join(Role, peewee.JOIN.INNER, on=(Role.id == Grant.role_id))
        .join(Node, peewee.JOIN.LEFT_OUTER, on=(Node.id == Grant.node_id))
        .where(one_of(Grant.subject_id, "subject", size))
    )
