"""Explain why a user has or lacks a permission at a node: the outcome of a request, and the deciding grants."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from peewee import JOIN

from aasim_core import App
from aasim_core.access.grants import subjects_of
from aasim_core.access.records import Grant, Node, Role, Team
from aasim_core.clock import now
from aasim_core.data.records import find_or_none
from aasim_core.identity.on_behalf_of import is_active
from aasim_core.identity.records import ApiKey
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Membership, User

from .declared import plugin_of

#: The deciding reason, with its sentence.
REASONS: Mapping[str, str] = {
    "granted": "Allowed by the role {role} at the {place_type}{through}.",
    "plugin_off": "No: the plugin {plugin} is disabled in this installation.",
    "feature_off": "No: the plugin {plugin} is switched off for the organization.",
    "suspended": "No: the account, or its membership in the organization, is {status}.",
    "key_inactive": "No: the API key is disabled, revoked or has expired.",
    "key_scope": "No: the user may, but {permission} is not among the scopes of the API key.",
    "key_place": "No: the user may, but the API key is limited to another place or to less.",
    "expired": "No: the role {role} allowed it, and ended on {expires_at}.",
    "other_place": "No: {permission} is held elsewhere, at the {place_type} {place_id}, and not there.",
    "not_granted": "No: no role that the user holds allows {permission}.",
}
#: What a grant says, the strongest first.
VERDICTS = ("allows", "expired", "other_place", "lacks_permission")
MOST_GRANTS = 100


@dataclass(frozen=True)
class Asked:
    """Who, what, where (None is the organization), and by which API key."""

    user_id: str
    permission: str
    node_id: str | None
    api_key: ApiKey | None = None

    def principal(self, caller: Principal) -> Principal:
        """Who would send the request, themselves, in the caller's organization."""
        return Principal("user", self.user_id, caller.organization_id, caller.authz_epoch, self.user_id)

    def by_key(self, caller: Principal, key: ApiKey) -> Principal:
        """The same by the API key."""
        return Principal(
            "api_key", self.user_id, caller.organization_id, caller.authz_epoch, key.name, api_key_id=key.id,
            scopes=frozenset(key.scopes), node_id=key.project_id,
        )  # fmt: skip


@dataclass(frozen=True)
class Considered:
    """A grant, and what it says."""

    grant_id: str
    role_id: str
    role: str
    place: Mapping[str, str]
    team_id: str | None
    team: str | None
    expires_at: datetime | None
    verdict: str


def explain(app: App, caller: Principal, asked: Asked) -> dict[str, Any]:
    """Whether it is allowed, which of `REASONS` decided, and the grants that were considered."""
    grants = _considered(app, asked)
    status = _status_of(asked.user_id)
    if asked.permission not in app.permissions:
        reason = "plugin_off"
    elif status != "active":
        reason = "suspended"
    elif asked.api_key is not None and not is_active(asked.api_key):
        reason = "key_inactive"
    elif not app.features.allowed(caller, plugin_of(asked.permission)):
        reason = "feature_off"
    else:
        reason = _decided_by_rights(app, caller, asked, grants)
    words = {"permission": asked.permission, "plugin": plugin_of(asked.permission), "status": status, **_words_of(grants)}
    shown = [asdict(grant) for grant in grants[:MOST_GRANTS]]
    return {"allowed": reason == "granted", "reason": reason, "message": REASONS[reason].format_map(words), "grants": shown}


def _decided_by_rights(app: App, caller: Principal, asked: Asked, grants: Sequence[Considered]) -> str:
    """The same rights as in the guard decide; the grants only explain."""
    if not app.rights.of(asked.principal(caller)).allows_at(asked.permission, asked.node_id):
        best = grants[0].verdict if grants else "lacks_permission"
        return best if best in REASONS else "not_granted"
    if asked.api_key is None or app.rights.of(asked.by_key(caller, asked.api_key)).allows_at(asked.permission, asked.node_id):
        return "granted"
    return "key_place" if asked.permission in asked.api_key.scopes else "key_scope"


def _considered(app: App, asked: Asked) -> list[Considered]:
    """Every grant to the user and to their teams, those first that say most."""
    path = _path_of(asked.node_id) if asked.node_id else None
    considered = [_judged(app, row, asked, path) for row in _grants_of(asked.user_id)]
    return sorted(considered, key=lambda grant: (VERDICTS.index(grant.verdict), grant.grant_id))


def _judged(app: App, row: Sequence[Any], asked: Asked, path: str | None) -> Considered:
    grant_id, expires_at, role_id, role, built_in, permissions, node_id, kind, place, team_id, team = row
    held = app.rights.built_in[role] if built_in else permissions
    if asked.permission not in held:
        verdict = "lacks_permission"
    elif not (path or _root_of(place)).startswith(place):
        verdict = "other_place"
    else:
        verdict = "expired" if expires_at is not None and expires_at <= now() else "allows"
    return Considered(grant_id, role_id, role, {"type": kind, "id": node_id}, team_id, team, expires_at, verdict)


def _grants_of(user_id: str) -> Sequence[Sequence[Any]]:
    query: Any = (
        Grant.select(
            Grant.id, Grant.expires_at, Role.id, Role.name, Role.built_in, Role.permissions, Node.id, Node.kind, Node.path,
            Team.id, Team.name,
        )
        .join(Role, on=(Role.id == Grant.role_id))
        .join_from(Grant, Node, JOIN.LEFT_OUTER, on=(Node.id == Grant.node_id))
        .join_from(Grant, Team, JOIN.LEFT_OUTER, on=(Team.id == Grant.subject_id))
        .where(Grant.subject_id.in_(subjects_of(user_id)))
    )  # fmt: skip
    return list(query.tuples())


def _path_of(node_id: str) -> str:
    return str(Node.get_by_id(node_id).path)


def _root_of(path: str) -> str:
    return f"/{path.split('/')[1]}/"


def _status_of(user_id: str) -> str:
    """``active``, or what keeps the user from working in the organization; who is only invited has no account there yet."""
    membership = Membership.get(Membership.user_id == user_id)
    user: User | None = find_or_none(User, user_id)
    return str(membership.status if user is None or user.status == "active" else user.status)


def _words_of(grants: Sequence[Considered]) -> dict[str, Any]:
    """What the messages say of the first grant."""
    if not grants:
        return {}
    first = grants[0]
    ended = "" if first.expires_at is None else f"{first.expires_at:%Y-%m-%d}"
    where = {f"place_{name}": value for name, value in first.place.items()}
    return {**asdict(first), **where, "expires_at": ended, "through": f", through the team {first.team}" if first.team else ""}
