"""Visibility of sessions: to their member, and to managers of sessions in the organization."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from peewee import Case

from aasim_core import App, emit
from aasim_core.clock import now, to_text
from aasim_core.data.conditions import Condition, all_of, any_of, equals
from aasim_core.data.records import find, find_or_none
from aasim_core.data.statements import Bind
from aasim_core.data.views import View
from aasim_core.errors import Refused, not_found
from aasim_core.events.log import Subject
from aasim_core.identity import sessions
from aasim_core.identity.records import Session
from aasim_core.ids import is_id
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Membership

READ, MANAGE = "sessions:read", "sessions:manage"

_OVER_BY_TIME = (Session.expires_at <= Bind("moment")) | (Session.last_seen_at <= Bind("idle_since"))
#: Sessions as answers have them; `view_values` fill its binds.
VIEW = View(
    Session,
    {
        "organization_id": Session.current_organization_id,
        "status": Case(None, [(Session.status != "active", "terminated"), (_OVER_BY_TIME, "expired")], "active"),
        "current": Session.id == Bind("own_session"),
    },
)


def reach(principal: Principal, *, managing: bool) -> Condition:
    """What restricts a list to the caller's own sessions or, `managing`, to theirs and those that concern the organization.

    Through a key only sessions that concern the key's organization are seen, its owner's as others'.
    """
    own = equals(Session.user_id, principal.user_id)
    here = equals(Session.current_organization_id, principal.organization_id)
    mine = all_of(own, here) if principal.kind == "api_key" else own
    return any_of(mine, all_of(here, Condition(_is_of_a_member))) if managing else mine


def _is_of_a_member() -> Any:
    return Session.user_id.in_(Membership.select(Membership.user_id))


def view_values(app: App, principal: Principal) -> Mapping[str, str]:
    """What the binds of `VIEW` are for this caller, now."""
    moment = now()
    return {
        "own_session": principal.session_id or "",
        "moment": to_text(moment),
        "idle_since": to_text(moment - timedelta(days=app.settings.auth.idle_days)),
    }


def live() -> Condition:
    """What restricts a list of `VIEW` to the sessions that are not over."""
    return Condition(lambda: (Session.status == "active") & ~_OVER_BY_TIME)


def refuse_others(principal: Principal, query: Mapping[str, Any]) -> None:
    """Refused for a question about sessions of others, to somebody who may see their own only."""
    named = [value for name, value in query.items() if name.partition("[")[0] == "user_id"]
    if any(value not in (principal.user_id, [principal.user_id]) for value in named):
        message = f"The sessions of others need the permissions {READ} and, in the whole organization, {MANAGE}."
        raise Refused("permission_denied", message, meta={"permission": MANAGE})


def find_visible(session_id: str, principal: Principal, *, managing: bool) -> Session:
    """The session of that id, if the caller may know of it; raises the one 404."""
    session: Session | None = find_or_none(Session, session_id) if is_id(session_id, "session") else None
    if session is None or not (session.user_id == principal.user_id or (managing and _concerns(session, principal))):
        raise not_found()
    return session


def _concerns(session: Session, principal: Principal) -> bool:
    """Whether it is a member's session in this organization: what they do in another one is not this one's to know."""
    here = session.current_organization_id == principal.organization_id
    return here and bool(Membership.select(Membership.id).where(Membership.user_id == session.user_id).exists())


def terminate(app: App, session: Session) -> bool:
    """End the session on its next request, in every process; False where it was over. Needs a transaction."""
    if status_of(app, session) != "active" or not sessions.end([session.id], "terminated"):
        return False
    emit("sessions.terminated", Subject("session", session.id, session.device), data={"user_id": session.user_id})
    return True


def status_of(app: App, session: Session) -> str:
    """What the session is now, in the words of the answers."""
    if session.status != "active":
        return "terminated"
    return "expired" if app.sessions.is_expired(session.last_seen_at, session.expires_at) else "active"


def shown(app: App, session_id: str, principal: Principal) -> dict[str, Any]:
    """The session as it is now, as answers have it."""
    session: Session = find(Session, session_id)
    status, current = status_of(app, session), session.id == principal.session_id
    return {**session.row(), "organization_id": session.current_organization_id, "status": status, "current": current}
