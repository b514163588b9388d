"""Everybody who may come to the door of an installation, and what each of them should get."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from aasim_core.access.roles import BUILT_IN
from aasim_core.http.operations import Endpoint
from aasim_core.testing.contract.stage import TENANT, name_of
from aasim_core.testing.principals import expel, key_of, log_out, member_with, suspend
from aasim_core.testing.world import Person

from .ground import Family, Ground

UNSAID = "unsaid"
_NO_CREDENTIAL = ("authentication_required", "invalid_token")


@dataclass(frozen=True)
class Principal:
    """Somebody who asks.

    `refused` is the code that every operation for known callers refuses them with. `permissions` is what they hold somewhere, at
    `node_id` and below if it is set; `at_home` whether in the organization with the canaries; `is_owner` whether they own theirs.
    """

    name: str
    person: Person | None
    at_home: bool = False
    refused: str | None = None
    permissions: frozenset[str] = frozenset()
    node_id: str | None = None
    is_key: bool = False
    is_owner: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_stranger(self) -> bool:
        """Whether nothing of home is for them."""
        return not self.at_home or self.refused is not None


def everybody(ground: Ground) -> Iterator[Principal]:
    """All principals of the matrix."""
    app, world, home, away = ground.app, ground.world, ground.home, ground.away
    everything = frozenset(app.permissions)
    yield Principal("nobody", None, refused="authentication_required")
    guesser = replace(home, client=replace(home.client, token="a.b.c"))
    yield Principal("somebody with a guessed token", guesser, refused="invalid_token")
    yield Principal("an owner who has logged out", log_out(app, world.member(home, "owner")), refused="invalid_token")
    yield Principal("an owner who is suspended", suspend(app, world.member(home, "owner")), refused="invalid_token")
    yield Principal("an owner who has left", expel(app, world.member(home, "owner")), refused="permission_denied")
    for role in BUILT_IN:
        permissions, owns = app.rights.built_in[role], role == "owner"
        yield Principal(f"the {role}", world.member(home, role), True, permissions=permissions, is_owner=owns)
    for permission in sorted(everything):
        person = member_with(world, home, [permission])
        yield Principal(f"a member with {permission} only", person, True, permissions=frozenset([permission]))
    narrow = member_with(world, home, everything, ground.node)
    yield Principal("a member with everything in one project", narrow, True, permissions=everything, node_id=ground.node)
    yield Principal("a key without scopes", key_of(app, home, ()), True, is_key=True)
    yield Principal("a key with all scopes", key_of(app, home, everything), True, permissions=everything, is_key=True)
    yield Principal("another organization's owner", away, permissions=everything, is_owner=True)
    yield Principal("another organization's key", key_of(app, away, everything), permissions=everything, is_key=True)
    asking = {"X-Organization-Id": home.organization_id}
    yield Principal(
        "another organization's owner who asks for home",
        away,
        permissions=everything,
        is_owner=True,
        refused="permission_denied",
        headers=asking,
    )


def due(ground: Ground, endpoint: Endpoint, principal: Principal, family: Family | None) -> str | None:
    """The code that the principal should be refused with, None where the operation should let them through.

    `family` is whose object the path names, None for one that is not there. `UNSAID` is what only the plugin can say: whether
    somebody whose rights lie in a part of the tree may use what belongs to all of it.
    """
    if TENANT in endpoint.path_ids and principal.refused not in _NO_CREDENTIAL:
        if not _lives_in(principal, family):
            return "not_found"
        principal = replace(principal, refused=None)  # the path goes before the header
    code = _due_to_caller(endpoint, principal)
    return code or (_due_about(ground, endpoint, principal, family) if endpoint.path_ids else None)


def _lives_in(principal: Principal, family: Family | None) -> bool:
    """Whether the principal belongs to the house that a path names; whoever has left it does not."""
    if family is None or principal.person is None or principal.person.organization_id != family.person.organization_id:
        return False
    return principal.refused is None or bool(principal.headers)


def _due_to_caller(endpoint: Endpoint, principal: Principal) -> str | None:
    if not endpoint.needs_caller:
        return None
    if principal.refused is not None:
        return principal.refused
    if endpoint.operation.session_only and principal.is_key:
        return "session_required"
    lacks = lacks_permission(endpoint, principal) and (principal.is_key or not endpoint.operation.own_always)
    lacks = lacks or (endpoint.needs_organization and principal.node_id is not None)
    return "permission_denied" if lacks or (endpoint.operation.owners_only and not principal.is_owner) else None


def lacks_permission(endpoint: Endpoint, principal: Principal) -> bool:
    """Whether the operation asks for a permission that the principal does not hold anywhere."""
    return endpoint.permission is not None and endpoint.permission not in principal.permissions


def _due_about(ground: Ground, endpoint: Endpoint, principal: Principal, family: Family | None) -> str | None:
    if family is None:
        return "not_found"
    if not endpoint.needs_caller or _can_see(ground, endpoint, principal, family):
        return None
    if _can_read(ground, endpoint, principal, family):
        return "permission_denied"
    belongs_to_all = family is ground.shared or endpoint.path_ids[-1] == TENANT
    return UNSAID if belongs_to_all and principal.at_home else "not_found"


def _can_see(ground: Ground, endpoint: Endpoint, principal: Principal, family: Family) -> bool:
    if endpoint.resource.common:
        return True
    if family is ground.deleted and ground.is_erased(endpoint):
        return False
    if principal.at_home != (family.person is ground.home) or not _is_for(endpoint, principal, family):
        return False
    if principal.node_id is None or endpoint.permission is None or endpoint.reach == "rows":
        return True
    if name_of(endpoint) in ground.hints.everywhere:
        return True
    return ground.is_placed(endpoint, family) and family.node_id == principal.node_id


def _can_read(ground: Ground, endpoint: Endpoint, principal: Principal, family: Family) -> bool:
    """Whether the object is one that is read everywhere, so that what may not be done with it is no secret."""
    template = endpoint.template[: endpoint.template.rindex("}") + 1]
    read = ground.own.endpoints.get(f"GET {template}")
    if read is None or name_of(read) not in ground.hints.everywhere or read.permission not in principal.permissions:
        return False
    return _can_see(ground, read, principal, family)


def _is_for(endpoint: Endpoint, principal: Principal, family: Family) -> bool:
    """Whether the family's objects are the principal's own, or the principal may do with those of others what the operation does."""
    others = endpoint.resource.others
    own = principal.person is not None and principal.person.user_id == family.person.user_id
    return others is None or own or (others in principal.permissions and not lacks_permission(endpoint, principal))
