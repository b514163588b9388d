"""The delegation rule: no one grants rights that they do not hold at that node and for that long, or revokes rights that they could not
grant."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..clock import now
from ..context import current_organization
from ..errors import Invalid, Problem, Refused
from ..tenancy import epoch
from .grants import grant, in_force, owns
from .loading import RightsCache
from .records import Grant, Role
from .rights import Rights
from .tree import kind_of

if TYPE_CHECKING:
    from ..tenancy.principal import Principal


@dataclass(frozen=True)
class Delegator:
    """The granter of roles: their rights, who they are, and the permissions of each built-in role."""

    rights: Rights
    user_id: str
    built_in: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, rights: RightsCache, principal: "Principal") -> "Delegator":
        """Return the granter for the sender of a request."""
        return cls(rights.of(principal), principal.user_id, rights.built_in)

    def permissions_of(self, role: Role) -> frozenset[str]:
        """Return the role's permissions."""
        return self.built_in[role.name] if role.built_in else frozenset(role.permissions)

    def require_role(self, role: Role, node_id: str, until: datetime | None = None) -> None:
        """Refused unless the granter may grant or revoke the role at the node, until that time or without end.

        Only owners appoint and remove owners: an owner holds the organization itself beyond all permissions.
        """
        if is_owner(role) and not owns(self.user_id, until):
            raise Refused("permission_denied", "Only an owner of the organization makes others its owners, or ends that.")
        self.require_permissions(self.permissions_of(role), node_id, until)

    def require_permissions(self, permissions: Iterable[str], node_id: str | None = None, until: datetime | None = None) -> None:
        """Refused unless the granter holds each permission at the node, or in the whole organization, at least until then.

        Permissions of disabled plugins are held by those who hold all others.
        """
        lasting = self.rights.lasting(until)
        missing = sorted(permission for permission in permissions if not lasting.allows_at(permission, node_id))
        everything = self.built_in["owner"]
        if missing and not (everything.isdisjoint(missing) and lasting.holds_all(everything, node_id)):
            message = "That is more than you may do there, or for longer; nobody gives or takes what they do not hold."
            raise Refused("permission_denied", message, meta={"missing": missing})

    def require_taking(self, held: Grant) -> None:
        """Refused unless the granter holds everything that the grant gives for as long as it does; an expired one gives nothing."""
        if held.expires_at is None or held.expires_at > now():
            self.require_role(Role.get_by_id(held.role_id), held.node_id, held.expires_at)

    def require_grants_of(self, subject_id: str) -> None:
        """Refused unless the granter may grant and revoke every role that the team holds now."""
        held = Grant.select(Grant.role_id, Grant.node_id, Grant.expires_at).where(Grant.subject_id == subject_id, in_force(now()))
        for role, node_id, until in with_roles(held):
            self.require_role(role, node_id, until)


@dataclass(frozen=True)
class RoleAssignment:
    """A role to grant, with its node and expiry."""

    granter: Delegator
    role: Role
    node_id: str
    until: datetime | None

    def grant_to(self, subject_type: str, subject_id: str) -> Grant:
        """Grant the role; Refused where it is already held for longer than the granter holds it. Needs a transaction."""
        epoch.bump(current_organization())  # first, so that a concurrent grant of the same role waits for this
        held = Grant.get_or_none(subject_id=subject_id, role_id=self.role.id, node_id=self.node_id)
        if held is not None:
            self.granter.require_taking(held)
        return grant(subject_type, subject_id, self.role, self.node_id, created_by=self.granter.user_id, expires_at=self.until)


def with_roles(held: Any) -> list[tuple[Role, str, datetime | None]]:
    """Return the role, node and expiry of the grants that the query finds, each combination once."""
    places = {(each.role_id, each.node_id, each.expires_at) for each in held}
    roles = {role.id: role for role in Role.select().where(Role.id.in_([role_id for role_id, _, _ in places]))}
    return [(roles[role_id], node_id, until) for role_id, node_id, until in places]


def is_owner(role: Role) -> bool:
    """Return whether it is the built-in role of owners."""
    return bool(role.built_in and role.name == "owner")


def require_fitting(role: Role, node_id: str, *, may_own: bool) -> None:
    """Invalid where the owner would not be a person who owns the whole organization."""
    if is_owner(role) and not may_own:
        raise Invalid({"role": [Problem("invalid_reference", "Only a person can own the organization; choose another role.")]})
    if is_owner(role) and node_id != current_organization():
        raise Invalid({"place.id": [Problem("invalid_reference", "An owner owns the whole organization.")]})


def require_place(node_id: str, kind: str) -> None:
    """Invalid where the node does not exist or is of another kind."""
    found = kind_of(node_id)
    if found is None:
        raise Invalid({"place.id": [Problem("invalid_reference", "There is no such place in the organization.")]})
    if found != kind:
        raise Invalid({"place.type": [Problem("invalid_reference", f"What stands there is a {found}; write {found}.")]})
