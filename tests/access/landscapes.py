"""Random organizations of which everything is known, and who may do what in them, read off the rules one step at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from random import Random

from aasim_core.access.records import Grant, Node, Role, Team, TeamMember
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.ids import new_id
from aasim_core.tenancy.records import Organization

#: What the custom roles are made of, and the built-in role that is held beside them.
PERMISSIONS = ("agents:read", "agents:update", "agents:delete", "engines:read")
BUILT_IN = "viewer"
#: Around which all grants end.
MOMENT = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
ENDS = (None, None, *(MOMENT + timedelta(hours=hours) for hours in (-48, -1, 0, 1, 48)))
_BELOW = {
    "organization": ("branch", "department", "project", "team"),
    "branch": ("department", "project"),
    "department": ("department", "project"),
    "project": (),
    "team": (),
}
_MOST_LEVELS = 6


@dataclass(frozen=True)
class Given:
    """A grant: to whom, by position what and where, and until when."""

    subject: str
    role: int
    node: int
    until: datetime | None

    def is_in_force(self) -> bool:
        return self.until is None or self.until > MOMENT


@dataclass(frozen=True)
class Key:
    """An API key of one of the users, with its scopes, and its project if it has one."""

    id: str
    user: str
    scopes: frozenset[str]
    node: int | None


@dataclass
class Landscape:
    """An organization; nodes are numbered, the organization itself is 0, and each knows its parent."""

    organization: Organization
    roles: Sequence[frozenset[str]]
    ids: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=lambda: ["organization"])
    parents: list[int] = field(default_factory=lambda: [0])
    users: list[str] = field(default_factory=list)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)
    key: Key | None = None

    # The rules

    def ancestry(self, node: int) -> list[int]:
        """The node and all above it."""
        return [0] if node == 0 else [node, *self.ancestry(self.parents[node])]

    def is_of(self, subject: str, user: str) -> bool:
        """Whether what the subject holds is the user's."""
        return subject == user or user in self.members.get(subject, ())

    def may(self, user: str, permission: str, node: int) -> bool:
        """Whether a grant in force to the user or a team of theirs, here or above, has the permission."""
        return any(
            self.is_of(given.subject, user) and self._allows(given, permission, node) and given.is_in_force()
            for given in self.given
        )

    def may_until(self, user: str, permission: str, node: int, until: datetime | None) -> bool:
        """The same, and that it will be so until then; None is forever."""
        return any(
            self.is_of(given.subject, user) and self._allows(given, permission, node) and given.is_in_force()
            and (given.until is None or (until is not None and given.until >= until))
            for given in self.given
        )  # fmt: skip

    def may_by_key(self, key: Key, permission: str, node: int) -> bool:
        """Whether the key's user may, and each limit of the key lets it through."""
        limits = [given for given in self.given if given.subject == key.id]
        within = not limits or any(self._allows(given, permission, node) and given.is_in_force() for given in limits)
        here = key.node is None or key.node in self.ancestry(node)
        return within and here and permission in key.scopes and self.may(key.user, permission, node)

    def _allows(self, given: Given, permission: str, node: int) -> bool:
        return permission in self.roles[given.role] and given.node in self.ancestry(node)

    # What the tables have

    @cached_property
    def paths(self) -> list[str]:
        """The path of each node."""
        return ["/" + "".join(f"{self.ids[step]}/" for step in reversed(self.ancestry(node))) for node in range(len(self.ids))]


def wander(random: Random, built_in: frozenset[str]) -> Landscape:
    """A landscape of up to nine places, three users, two teams, and up to nine grants."""
    organization = Organization(name="Land", slug=new_id("land"))
    roles = [*(frozenset(random.sample(PERMISSIONS, random.randint(0, 3))) for _ in range(3)), built_in]
    land = Landscape(organization, roles, ids=[organization.id], users=[new_id("user") for _ in range(3)])
    for _ in range(random.randint(0, 8)):
        _grow(random, land)
    for _ in range(2):
        land.members[new_id("team")] = frozenset(random.sample(land.users, random.randint(0, 2)))
    if random.random() < 0.5:
        place = random.choice([None, random.randrange(len(land.ids))])
        scopes = frozenset(random.sample(PERMISSIONS, random.randint(1, 4)))
        land.key = Key(new_id("apikey"), random.choice(land.users), scopes, place)
    subjects = [*land.users, *land.members, *([land.key.id] if land.key and random.random() < 0.5 else [])]
    drawn = [
        Given(random.choice(subjects), random.randrange(4), random.randrange(len(land.ids)), random.choice(ENDS))
        for _ in range(random.randint(0, 9))
    ]
    land.given = list({(given.subject, given.role, given.node): given for given in drawn}.values())
    return land


def _grow(random: Random, land: Landscape) -> None:
    parents = [node for node, kind in enumerate(land.kinds) if _BELOW[kind] and len(land.ancestry(node)) < _MOST_LEVELS]
    parent = random.choice(parents)
    kind = random.choice(_BELOW[land.kinds[parent]])
    land.kinds.append(kind)
    land.parents.append(parent)
    land.ids.append(new_id({"department": "dept"}.get(kind, kind)))


def plant(lands: Iterable[Landscape]) -> None:
    """Write the landscapes. Needs a transaction."""
    for land in lands:
        with system_scope("test"):
            insert_rows(Organization, [land.organization.row()])
        with organization_scope(land.organization.id):
            insert_rows(Node, [_node(land, number).row() for number in range(len(land.ids))])
            roles = [Role(name=f"role {n}", permissions=sorted(role)) for n, role in enumerate(land.roles[:-1])]
            roles.append(Role(name=BUILT_IN, built_in=True))
            insert_rows(Role, [role.row() for role in roles])
            insert_rows(Team, [Team(id=team, name="Team", slug=team).row() for team in land.members])
            insert_rows(TeamMember, [
                TeamMember(team_id=team, user_id=user).row() for team, users in land.members.items() for user in users
            ])  # fmt: skip
            insert_rows(Grant, [_grant(land, given, roles).row() for given in land.given])


def _node(land: Landscape, number: int) -> Node:
    parent = land.ids[land.parents[number]] if number else None
    depth = len(land.ancestry(number))
    return Node(id=land.ids[number], kind=land.kinds[number], parent_id=parent, path=land.paths[number], depth=depth)


def _grant(land: Landscape, given: Given, roles: Sequence[Role]) -> Grant:
    kinds: Mapping[str, str] = {"apikey": "api_key"}
    prefix = given.subject.partition("_")[0]
    return Grant(
        subject_type=kinds.get(prefix, prefix), subject_id=given.subject, role_id=roles[given.role].id,
        node_id=land.ids[given.node], expires_at=given.until,
    )  # fmt: skip
