"""Roles and their holders, as responses show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from peewee import Case, fn

from aasim_core import App
from aasim_core.access.grants import in_force
from aasim_core.access.records import Grant, Node, Role, Team
from aasim_core.access.roles import BUILT_IN
from aasim_core.clock import now, to_text
from aasim_core.data.compiled import compiled, numbered, one_of
from aasim_core.data.conditions import Condition, all_of, equals
from aasim_core.data.statements import Bind
from aasim_core.data.views import View
from aasim_core.identity.records import ApiKey
from aasim_core.lists.render_plan import Derived
from aasim_core.resources.places import PLACE
from aasim_core.tenancy.records import Membership
from aasim_core.text.json import to_json

#: The grants of one role; who holds it is somebody's or something's name.
HOLDERS = View(
    Grant,
    {
        "subject": Case(Grant.subject_type, (("user", Membership.name), ("team", Team.name)), ApiKey.name),
        "place_type": Node.kind,
        "place_id": Grant.node_id,
    },
    (
        (Membership, Membership.user_id == Grant.subject_id),
        (Team, Team.id == Grant.subject_id),
        (ApiKey, ApiKey.id == Grant.subject_id),
        (Node, Node.id == Grant.node_id),
    ),
)


def roles(app: App) -> View:
    """Roles; those that are built in have the permissions that the plugins give them."""

    def binds() -> Mapping[str, Any]:
        return {f"held_by_{name}": _held_by(app, name) for name in app.rights.built_in}

    built_in = [(Role.built_in & (Role.name == name), Bind(f"held_by_{name}")) for name in BUILT_IN]
    return View(Role, {"permissions": Case(None, built_in, Role.permissions)}, binds=binds)


def role(app: App, record: Role) -> Mapping[str, Any]:
    """The same of one role that was read already."""
    row = record.row()
    return {**row, "permissions": _held_by(app, record.name)} if record.built_in else row


def _held_by(app: App, name: str) -> str:
    """What the built-in role of that name allows, as JSON text."""
    return to_json(sorted(app.rights.built_in[name])).decode()


class HoldersCount(Derived):
    """How many users, teams and API keys hold each role now: one statement for all roles of a page."""

    def __init__(self) -> None:
        super().__init__(("id",), lambda row: _counts([row["id"]]).get(row["id"], 0))

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[int]:
        counts = _counts(held["id"])
        return [counts.get(role_id, 0) for role_id in held["id"]]


def _counts(role_ids: Sequence[str]) -> Mapping[str, int]:
    ids = numbered("role", role_ids)
    return dict(_holders.all(len(ids), moment=to_text(now()), **ids))


@compiled(Grant)
def _holders(size: int) -> Any:
    held = one_of(Grant.role_id, "role", size) & in_force(Bind("moment"))
    return Grant.select(Grant.role_id, fn.COUNT(Grant.subject_id.distinct())).where(held).group_by(Grant.role_id)


def held(role_id: str) -> Condition:
    """Restrict `HOLDERS` to those of one role whose grants are in force."""

    return all_of(equals(Grant.role_id, role_id), Condition(in_force, moment=to_text(now())))


def keeping(role_id: str) -> Any:
    """Match the grants that prevent deletion of the role: those in force, and limits of keys, which would be lifted by losing an expired
    one."""
    return (Grant.role_id == role_id) & (in_force(now()) | (Grant.subject_type == "api_key"))


def holders_of(role_id: str, most: int) -> list[dict[str, Any]]:
    """Return the first of those holders, for messages."""
    names = ("subject_type", "subject_id", "subject", "place_type", "place_id")
    query = HOLDERS.select(*(getattr(HOLDERS, name) for name in names))
    rows = query.where(keeping(role_id)).order_by(Grant.id).limit(most).tuples()
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**{name: row[name] for name in names[:3]}, "place": PLACE.make(row)} for row in found]
