"""Roles and their holders, as answers have them."""

from collections.abc import Mapping
from typing import Any

from peewee import Case, fn

from aasim_core import App
from aasim_core.access.grants import in_force
from aasim_core.access.records import Grant, Node, Role, Team
from aasim_core.access.roles import BUILT_IN
from aasim_core.clock import now, to_text
from aasim_core.data.json import to_json
from aasim_core.data.statements import Bind, Condition
from aasim_core.data.views import View
from aasim_core.identity import people
from aasim_core.identity.records import ApiKey

#: The grants of one role; who holds it is somebody's or something's name.
HOLDERS = View(
    Grant,
    {
        "subject": Case(Grant.subject_type, (("user", people.NAME), ("team", Team.name)), ApiKey.name),
        "resource_type": Node.kind,
        "resource_id": Grant.node_id,
    },
    (
        *people.joins(Grant.subject_id),
        (Team, Team.id == Grant.subject_id),
        (ApiKey, ApiKey.id == Grant.subject_id),
        (Node, Node.id == Grant.node_id),
    ),
)


def roles(app: App) -> View:
    """Roles with how many hold them; those that are built in have the permissions that the plugins give them."""

    def binds() -> Mapping[str, Any]:
        held = {f"held_by_{name}": to_json(sorted(permissions)).decode() for name, permissions in app.rights.built_in.items()}
        return {"moment": to_text(now()), **held}

    built_in = [(Role.built_in & (Role.name == name), Bind(f"held_by_{name}")) for name in BUILT_IN]
    holders = Grant.select(fn.COUNT(Grant.subject_id.distinct())).where(Grant.role_id == Role.id, in_force(Bind("moment")))
    return View(Role, {"permissions": Case(None, built_in, Role.permissions), "holders_count": holders}, binds=binds)


def held(role_id: str) -> Condition:
    """What restricts `HOLDERS` to those of one role whose grants are in force."""

    def held() -> Any:
        return (Grant.role_id == Bind("role")) & in_force(Bind("moment"))

    return Condition(held, {"role": role_id, "moment": to_text(now())}, "holders of role")


def keeping(role_id: str) -> Any:
    """The condition of the grants that keep the role: those in force, and limits of keys, which would be freed by losing an ended one."""
    return (Grant.role_id == role_id) & (in_force(now()) | (Grant.subject_type == "api_key"))


def holders_of(role_id: str, most: int) -> list[dict[str, Any]]:
    """The first of those who keep the role, for messages."""
    names = ("subject_type", "subject_id", "subject", "resource_type", "resource_id")
    query = HOLDERS.select(*(getattr(HOLDERS, name) for name in names))
    rows = query.where(keeping(role_id)).order_by(Grant.id).limit(most).tuples()
    return [dict(zip(names, row, strict=True)) for row in rows]
