"""What somebody may do, read from the records alone: permissions at places, positions there, and for whom they stand in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from aasim_core.access import positions
from aasim_core.access.grants import in_force
from aasim_core.access.records import Grant, Node, Role, TeamMember
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.identity.records import ApiKey, Invitation
from aasim_core.tenancy.records import User
from aasim_plugins.hitl_approvals.models import Delegation

#: Mail to every address there reaches the caller.
EVIL = "@evil.example"
#: What is held, and where: a permission, or what a position is called.
Right = tuple[str, str]


@dataclass
class Control:
    """Whom somebody can act as: themselves, accounts and invitations whose mail they read, and keys that they were shown."""

    app: App
    organization_id: str
    user_id: str
    #: The places that are looked at; others are the caller's own work.
    places: frozenset[str]

    def __post_init__(self) -> None:
        """Nobody has shown the caller a key yet."""
        self.shown_keys: set[str] = set()

    def rights(self) -> set[Right]:
        """Everything that the caller can do in one guise or another."""
        with organization_scope(self.organization_id):
            own = {right for user_id in self.accounts() for right in self._of(user_id)}
            own |= {right for key_id in self.shown_keys for right in self._of_key(key_id)}
            return own | set(self._nameable(own))

    def accounts(self) -> set[str]:
        """The accounts that the caller can act as."""
        with system_scope("test"):
            accounts = [user.id for user in User.select(User.id).where(User.email.endswith(EVIL))]
        guests = [guest.user_id for guest in Invitation.select(Invitation.user_id).where(Invitation.email.endswith(EVIL))]
        return {self.user_id, *accounts, *guests}

    def _of(self, user_id: str) -> Iterator[Right]:
        teams = [member.team_id for member in TeamMember.select().where(TeamMember.user_id == user_id)]
        for held in Grant.select().where(Grant.subject_id.in_([user_id, *teams]), in_force(now())):
            role = Role.get_by_id(held.role_id)
            permissions = self.app.rights.built_in[role.name] if role.built_in else role.permissions
            names = [*permissions, "ownership"] if role.built_in and role.name == "owner" else permissions
            yield from self._at(held.node_id, names)
        for model, field, _ in positions.among(self.app.models):
            for record in model.select().where(getattr(model, field) == user_id):
                yield from self._at(record.id, [field])
        for lent in Delegation.select().where(Delegation.to_user_id == user_id, Delegation.from_user_id != user_id):
            yield "stands in", lent.from_user_id

    def _nameable(self, held: set[Right]) -> Iterator[Right]:
        """The positions that the caller may name themselves in."""
        named = {permission: field for _, field, permission in positions.among(self.app.models)}
        return ((named[name], place) for name, place in held if name in named)

    def _of_key(self, key_id: str) -> Iterator[Right]:
        key = ApiKey.get_by_id(key_id)
        reach = set(self._at(key.project_id or self.organization_id, key.scopes))
        return (right for right in self._of(key.user_id) if right in reach)

    def _at(self, node_id: str, names: Iterable[str]) -> Iterator[Right]:
        """Each of the names at the node, and at every place below."""
        path: Any = Node.select(Node.path).where(Node.id == node_id).scalar()
        below = Node.select(Node.id).where(Node.path.startswith(path), Node.id.in_(self.places)) if path else ()
        return ((name, place.id) for place in below for name in names)
