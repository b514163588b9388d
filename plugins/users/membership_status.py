"""The status of a membership: suspend, deactivate, reassign and remove."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aasim_core import Refused, Row, emit
from aasim_core.access import grants
from aasim_core.access.delegation import Delegator
from aasim_core.access.records import Grant, Team
from aasim_core.clock import now
from aasim_core.context import current_organization, system_scope
from aasim_core.data import records, references
from aasim_core.identity import invitations, sessions
from aasim_core.identity.accounts import erase_homeless
from aasim_core.identity.records import ApiKey, Invitation, Session
from aasim_core.tenancy import epoch
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Membership

from .service import VIEW, Member, find, managers_above, membership_of, note_version, require_above

ACTIVE, SUSPENDED, DEACTIVATED = "active", "suspended", "deactivated"
#: What a member can become from each state; who is invited becomes active by accepting.
TRANSITIONS: Mapping[str, frozenset[str]] = {
    ACTIVE: frozenset((SUSPENDED, DEACTIVATED)),
    SUSPENDED: frozenset((ACTIVE, DEACTIVATED)),
    DEACTIVATED: frozenset((ACTIVE,)),
}
_EVENTS = {ACTIVE: "users.reactivated", SUSPENDED: "users.suspended", DEACTIVATED: "users.deactivated"}
_MOST_SHOWN = 20

#: Makes the successor the lead of the teams, if teams are enabled.
TakeOverTeams = Callable[[Sequence[Team], str], None]
#: Notifies teams that a member leaves them, if teams are enabled.
TellTeams = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a change of status."""

    sessions_ended: int = 0
    keys_disabled: int = 0
    keys_enabled: int = 0


def require_change(principal: Principal, granter: Delegator, member: Member, status: str) -> None:
    """Refused for oneself, for a way that there is not, and for members who hold more than the caller."""
    require_other(principal, member)
    if member.status == invitations.INVITED:
        raise Refused("invalid_state", "They have not accepted yet; withdraw the invitation with DELETE.")
    if status != member.status and status not in TRANSITIONS[member.status]:
        message = f"Who is {member.status} can become {', '.join(sorted(TRANSITIONS[member.status]))}."
        raise Refused("invalid_state", message, meta={"status": member.status})
    require_above(granter, str(member.id))


def require_other(principal: Principal, member: Member) -> None:
    """Refused where the member is the caller: one who locks themselves out cannot come back."""
    if member.id == principal.user_id:
        raise Refused("invalid_state", "Nobody suspends, deactivates or removes themselves; ask somebody else to.")


def owned(models: Iterable[type[Row]], member_id: str) -> list[dict[str, str]]:
    """What names the member as owner, lead or manager, at most twenty of each kind."""
    uses = [dict(use) for found in references.uses(models, "user", member_id).values() for use in found]
    reports = VIEW.select(VIEW.id, VIEW.name).where(Membership.manager_id == member_id).order_by(Membership.user_id)
    rows = reports.limit(_MOST_SHOWN).tuples()
    return uses + [{"type": "user", "id": user_id, "label": name, "field": "manager_id"} for user_id, name in rows]


def change(member: Member, status: str, reason: str) -> Outcome:
    """Let the member work here again, or no more from the next request on. Needs a transaction; Refused ``last_owner``."""
    user_id = str(member.id)
    if status == member.status:
        return Outcome()
    epoch.bump(current_organization())  # first, so that two who change the same, or the last two owners, wait for each other
    sessions.hold(user_id)
    if status != ACTIVE and grants.owns(user_id, None):
        grants.require_other_owner(user_id)
    membership = membership_of(member)
    seen = {"version": member.row["membership_version"], "status": member.status}
    if not records.compare_and_set(membership, seen, {"status": status, "version": seen["version"] + 1, "updated_at": now()}):
        raise Refused("version_conflict", "Somebody else changed this object meanwhile; read it again and repeat the change.")
    note_version(member, member.version + 1)
    if status == ACTIVE:
        outcome = Outcome(keys_enabled=_enable_keys(user_id))
        told = {"keys": outcome.keys_enabled}
    else:
        outcome = Outcome(sessions_ended=_end_sessions(user_id, status), keys_disabled=_disable_keys(user_id, status))
        told = {"sessions": outcome.sessions_ended, "keys": outcome.keys_disabled}
    emit(_EVENTS[status], member, data={"reason": reason, **told}, changes={"status": [member.status, status]})
    return outcome


def hand_over(models: Iterable[type[Row]], member: Member, successor_id: str, take_over_teams: TakeOverTeams | None) -> int:
    """Make another member own, lead and manage what this one did; returns how much. Needs a transaction."""
    user_id, models = str(member.id), list(models)
    others = [model for model in models if model is not Team]
    owned = {field: [each["id"] for each in found] for field, found in references.uses(models, "user", user_id).items()}
    count = references.reassign(others, "user", user_id, successor_id) + _hand_over_reports(user_id, successor_id)
    if take_over_teams is not None:
        led = list(Team.select().where(Team.lead_id == user_id))
        take_over_teams(led, successor_id)
        count += len(led)
    if count:
        emit("users.handed_over", member, data={"successor_id": successor_id, "count": count, "objects": owned})
    return count


def remove(models: Iterable[type[Row]], member: Member, tell_teams: TellTeams | None) -> None:
    """End the membership with what came with it, and the account if it was its last. Needs a transaction.

    Refused ``in_use``, with the list, while the member owns something, and ``last_owner``.
    """
    user_id = str(member.id)
    epoch.bump(current_organization())  # first, so that who accepts the invitation, or gives them something, waits for this
    sessions.hold(user_id)
    references.refuse_in_use(models, "user", user_id)
    if tell_teams is not None:
        tell_teams(user_id)
    grants.revoke_all(user_id)
    keys = [key.id for key in ApiKey.select(ApiKey.id).where(ApiKey.user_id == user_id)]
    Grant.delete().where(Grant.subject_id.in_(keys)).execute()
    ApiKey.delete().where(ApiKey.id.in_(keys)).execute()
    Invitation.delete().where(Invitation.user_id == user_id).execute()
    _write_manager(Membership.manager_id == user_id, None)
    ended = _end_sessions(user_id, "removed")
    note_version(member, find(user_id).version + 1)
    records.remove(membership_of(member))
    emit("users.deleted", member, data={"sessions": ended, "keys": len(keys)})
    with system_scope("remove an account that belongs nowhere any more"):
        erase_homeless([user_id])


def _end_sessions(user_id: str, reason: str) -> int:
    """End the sessions that are for this organization; what the member does in others is not this one's to end."""
    here = (Session.user_id == user_id) & (Session.current_organization_id == current_organization())
    return sessions.end([session.id for session in Session.select(Session.id).where(here, Session.status == "active")], reason)


def _disable_keys(user_id: str, status: str) -> int:
    """Disable the member's keys for this organization; those of who is suspended remember that they were active."""
    active, suspended = ApiKey.status == "active", ApiKey.suspended_at.is_null(False)
    disabled = _write_keys(user_id, active, status="disabled", suspended_at=now() if status == SUSPENDED else None)
    if status == DEACTIVATED:
        _write_keys(user_id, suspended, suspended_at=None)
    return disabled


def _enable_keys(user_id: str) -> int:
    """Enable the keys that were active when the member was suspended, but for those that somebody has switched since."""
    return _write_keys(user_id, ApiKey.suspended_at.is_null(False), status="active", suspended_at=None)


def _write_keys(user_id: str, which: Any, **values: Any) -> int:
    written = ApiKey.update(**values, version=ApiKey.version + 1, updated_at=now())
    return int(written.where(ApiKey.user_id == user_id, ApiKey.status != "revoked", which).execute())


def _hand_over_reports(user_id: str, successor_id: str) -> int:
    """Reassign the member's reports to the successor; a successor among them takes the member's position."""
    before = Membership.select(Membership.manager_id).where(Membership.user_id == user_id).scalar()
    if user_id in managers_above(successor_id):
        _write_manager(Membership.user_id == successor_id, before)
    return _write_manager((Membership.manager_id == user_id) & (Membership.user_id != successor_id), successor_id)


def _write_manager(which: Any, manager_id: str | None) -> int:
    values = {"manager_id": manager_id, "version": Membership.version + 1, "updated_at": now()}
    return int(Membership.update(values).where(which).execute())
