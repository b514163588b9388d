"""Validate a key: its user, its node and its scopes. A key never has more rights than its creator."""

from collections.abc import Iterable, Sequence
from typing import Any

from aasim_core import App, Invalid, Problem, Refused
from aasim_core.access.rights import Rights
from aasim_core.identity.records import ApiKey
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Membership, User
from aasim_core.text.suggestions import did_you_mean

from .service import MANAGE


def require_service_user(rights: Rights, user_id: str) -> None:
    """Refuse to create a key for others than service users of the organization, and by callers who do not manage keys there."""
    if not rights.allows_at(MANAGE, None):
        message = f"Making keys for service users needs the permission {MANAGE} in the whole organization."
        raise Refused("permission_denied", message, meta={"permission": MANAGE})
    if not (is_service_user(user_id) and _is_member(user_id)):
        message = "There is no such service user in the organization; people make their keys themselves."
        raise Invalid({"user_id": [Problem("invalid_reference", message)]})


def is_service_user(user_id: str) -> bool:
    """Whether the account is a program's."""
    return bool(User.select(User.id).where(User.id == user_id, User.kind == "service").exists())


def _is_member(user_id: str) -> bool:
    return bool(Membership.select(Membership.id).where(Membership.user_id == user_id, Membership.status == "active").exists())


class Granters:
    """Those whose rights bound a key: its user, and the caller where that is somebody else."""

    def __init__(self, app: App, caller: Principal, rights: Rights, user_id: str) -> None:
        self._known = app.permissions
        self._caller = rights
        self._others = None if user_id == caller.user_id else app.rights.of(_as(caller, user_id))

    def require(self, scopes: Sequence[str], project_id: str | None, among: Iterable[str] | None = None) -> None:
        """Invalid, naming each scope that is none or that one of them does not hold there; `among` are those to look at."""
        wanted = set(scopes if among is None else among)
        problems = {
            f"scopes[{number}]": [problem]
            for number, scope in enumerate(scopes)
            if scope in wanted and (problem := self._flaw(scope, project_id)) is not None
        }
        if problems:
            raise Invalid(problems)

    def _flaw(self, scope: str, project_id: str | None) -> Problem | None:
        if scope not in self._known:
            return Problem("invalid_choice", f"There is no permission {scope}.{did_you_mean(scope, self._known)}")
        where = " in the project" if project_id else ""
        if self._others is None:
            held = self._caller.has_anywhere(scope) if project_id is None else self._caller.allows_at(scope, project_id)
            return None if held else Problem("invalid_choice", f"You do not hold {scope}{where}; leave it out.")
        if not self._caller.allows_at(scope, project_id):
            where = where or " in the whole organization"
            return Problem("invalid_choice", f"You do not hold {scope}{where}, and you can only grant permissions that you hold.")
        held = self._others.has_anywhere(scope) if project_id is None else self._others.allows_at(scope, project_id)
        return None if held else Problem("invalid_choice", f"Whom the key acts for does not hold {scope}{where}.")


def _as(caller: Principal, user_id: str) -> Principal:
    return Principal("user", user_id, caller.organization_id, caller.authz_epoch, user_id)


def check_change(granters: Granters, rights: Rights, key: ApiKey, values: dict[str, Any]) -> None:
    """Invalid for a change that gives the key what it may not have; scopes that it has already stay without question."""
    scopes, project_id = values.get("scopes", key.scopes), values.get("project_id", key.project_id)
    if project_id != key.project_id:
        rights.require_project(project_id)
        granters.require(scopes, project_id)
    else:
        granters.require(scopes, project_id, set(scopes) - set(key.scopes))
