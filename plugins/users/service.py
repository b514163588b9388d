"""Members: visibility, invitations and changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from peewee import Case

from aasim_core import App, Invalid, Problem, Refused, emit, enqueue
from aasim_core.access.delegation import Delegator
from aasim_core.access.members import READ
from aasim_core.access.records import TeamMember
from aasim_core.access.rights import Rights
from aasim_core.context import current_organization, system_scope
from aasim_core.data import records
from aasim_core.data.conditions import Condition, any_of, equals
from aasim_core.data.views import View, first_of
from aasim_core.errors import not_found
from aasim_core.events.log import Subject
from aasim_core.identity import invitations, links
from aasim_core.identity.accounts import create_user
from aasim_core.identity.records import Invitation
from aasim_core.identity.throttle import Bucket, count_failure, require_patience
from aasim_core.ids import is_id, new_id
from aasim_core.tenancy import people
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Membership, User

from ..auth.service import ask_to_verify, tell_former_address

#: What belongs to the account, or to the invitation until there is one; everything else belongs to the membership.
OF_ACCOUNT = ("email", "name", "timezone", "locale")
OF_MEMBERSHIP = ("branch_id", "department_id", "manager_id")
#: Mails with an invitation that an address gets from an organization at once; each further one waits longer.
_FREE_MAILS, _MAIL_WINDOW = 5, timedelta(days=1)

_ACCOUNT_VERSION = first_of(User.version, 0)
_ACCOUNT_CHANGED = first_of(User.updated_at, Invitation.updated_at)

#: Members in responses; `place` is their node in the tree, empty for the organization itself.
VIEW = View(
    Membership,
    {
        "id": Membership.user_id,
        "timezone": first_of(User.timezone, Invitation.timezone),
        "locale": first_of(User.locale, Invitation.locale),
        "last_login_at": User.last_login_at,
        "email_verified_at": User.email_verified_at,
        "version": Membership.version + _ACCOUNT_VERSION,
        "updated_at": Case(None, [(Membership.updated_at < _ACCOUNT_CHANGED, _ACCOUNT_CHANGED)], Membership.updated_at),
        "place": first_of(Membership.department_id, Membership.branch_id),
        "membership_version": Membership.version,
        "account_version": _ACCOUNT_VERSION,
    },
    ((User, User.id == Membership.user_id), (Invitation, Invitation.user_id == Membership.user_id)),
)
_COLUMNS = (
    "id", "organization_id", "version", "created_at", "updated_at", "email", "name", "status", "kind", "branch_id",
    "department_id", "manager_id", "timezone", "locale", "last_login_at", "email_verified_at", "place", "membership_version",
    "account_version",
)  # fmt: skip


@dataclass(frozen=True)
class Member(Subject):
    """A member as an event names them, by their address; `row` is what `VIEW` has of them."""

    row: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The components of ETags."""
        return int(self.row["version"])

    @property
    def place(self) -> str | None:
        """The node where they stand; None is the organization itself."""
        place: str | None = self.row["place"]
        return place

    @property
    def status(self) -> str:
        return str(self.row["status"])


# Who may know of whom


def find(user_id: str) -> Member:
    """The member of that id; raises the one 404."""
    row = VIEW.row(user_id, _COLUMNS) if is_id(user_id, "user") else None
    if row is None:
        raise not_found()
    return Member("user", row["id"], row["email"], row)


def may_read(principal: Principal, rights: Rights, member: Member) -> bool:
    """Return whether the member is visible to the caller: those in the subtrees that they may read, and themselves."""
    own = principal.kind == "user" and member.id == principal.user_id and rights.has_anywhere(READ)
    return own or rights.allows_at(READ, member.place)


def reach(principal: Principal, rights: Rights) -> list[Condition]:
    """The same for lists, as conditions."""
    within = rights.reach_condition(READ, VIEW, "place")  # type: ignore[arg-type] # a view stands where a model does
    if not within or principal.kind != "user":
        return within
    return [any_of(equals(Membership.user_id, principal.user_id), *within)]


def require_above(granter: Delegator, user_id: str) -> None:
    """Refused unless they may give, and take, every role that the member holds, by themselves or through teams."""
    teams = TeamMember.select(TeamMember.team_id).where(TeamMember.user_id == user_id)
    for subject_id in (user_id, *(team.team_id for team in teams)):
        granter.require_grants_of(subject_id)


def managers_above(user_id: str) -> Iterator[str]:
    """The manager of the member, theirs, and so on; up to where a circle would close."""
    seen: set[str] = set()
    while True:
        above: str | None = Membership.select(Membership.manager_id).where(Membership.user_id == user_id).scalar()
        if above is None or above in seen:
            return
        yield above
        seen.add(above)
        user_id = above


# How they come


def invite(app: App, principal: Principal, values: Mapping[str, Any]) -> Member:
    """Create a member who is invited by mail. Needs a transaction."""
    _count_mail(app, values["email"])
    account = {name: values[name] for name in OF_ACCOUNT}
    invitation = invitations.create_invitation(**account, invited_by=principal.user_id, place=_membership_of(values))
    _send(invitation.user_id)
    member = find(invitation.user_id)
    note_version(member, member.version)
    emit("users.invited", member, data={"name": invitation.name})
    return member


def invite_again(app: App, member: Member) -> None:
    """Send another link, which makes the one before void. Needs a transaction; Refused ``invalid_state`` for who is no guest."""
    if member.status != invitations.INVITED:
        raise Refused("invalid_state", "They are in the organization already; there is nothing to accept.")
    _count_mail(app, member.label)
    _send(str(member.id))
    emit("users.invited_again", member)


def create_service(values: Mapping[str, Any]) -> Member:
    """Make a service user: an account without mailbox and password, of this organization. Needs a transaction."""
    user_id = new_id("user")
    settled = {name: values[name] for name in ("timezone", "locale")}
    create_user(f"{user_id}@service.invalid", values["name"], None, id=user_id, kind="service", **settled)
    people.join(user_id, **_membership_of(values))
    member = find(user_id)
    note_version(member, member.version)
    emit("users.created", member, data={"name": values["name"], "kind": "service"})
    return member


def _membership_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in OF_MEMBERSHIP}


def _send(user_id: str) -> None:
    enqueue("users.send_invitation", {"user_id": user_id}, unique_key=user_id)


def _count_mail(app: App, email: str) -> None:
    """Refused ``too_many_attempts`` where the organization has filled the mailbox enough."""
    if app.settings.rate_limits.enabled:
        reason = "This address has got too many invitations"
        buckets = [Bucket("invitation_mails", "address", (email, current_organization()), _FREE_MAILS, reason)]
        require_patience(buckets)
        count_failure(buckets, int(_MAIL_WINDOW.total_seconds()))


# How they are changed


def change(member: Member, values: Mapping[str, Any], principal: Principal, granter: Delegator) -> Member:
    """Write what differs, to the account where that is this organization's alone, and to the membership. Needs a transaction.

    Refused ``invalid_state`` for the account of somebody who is in other organizations too, and for the address of a service user;
    Invalid for an address that is taken.
    """
    membership, account = membership_of(member), _account_of(member)
    if (membership.version, account.version) != _versions(member, account):
        raise Refused("version_conflict", "Somebody else changed this object meanwhile; read it again and repeat the change.")
    of_account = {name: values[name] for name in OF_ACCOUNT if name in values and values[name] != getattr(account, name)}
    of_membership = {name: values[name] for name in OF_MEMBERSHIP if name in values}
    if of_account:
        _require_ours(account, principal)
        of_account |= _new_address(member, account, of_account["email"], granter) if "email" in of_account else {}
    write = people.change if isinstance(account, User) else invitations.change
    changed = {**write(account, of_account), **records.change(membership, of_membership)}  # type: ignore[arg-type]
    if not changed:
        return member
    if membership.version == member.row["membership_version"]:  # so that one version of the member is changed once
        records.compare_and_set(membership, {"version": membership.version}, {"version": membership.version + 1})
    changed.pop("email_verified_at", None)
    emit("users.updated", member, changes=changed)
    member = find(str(member.id))
    note_version(member, member.version)
    return member


def note_version(member: Member, version: int) -> None:
    """Say that the running transaction gave the member this version, for the events about them."""
    records.database_of(Membership).note_revision(str(member.id), version)


def membership_of(member: Member) -> Membership:
    """The member's membership; the one 404 where they were removed meanwhile."""
    membership: Membership | None = Membership.get_or_none(Membership.user_id == member.id)
    if membership is None:
        raise not_found()
    return membership


def _account_of(member: Member) -> User | Invitation:
    """Return the account, or the invitation of somebody who has not accepted it yet."""
    account: User | Invitation | None
    if member.status == invitations.INVITED:
        account = Invitation.get_or_none(Invitation.user_id == member.id)
    else:
        account = User.get_or_none(User.id == member.id)
    if account is None:
        raise not_found()
    return account


def _versions(member: Member, account: Any) -> tuple[int, int]:
    seen = member.row["account_version"] if isinstance(account, User) else account.version
    return member.row["membership_version"], seen


def _require_ours(account: Any, principal: Principal) -> None:
    """Refused where the account is not this organization's to change."""
    if isinstance(account, Invitation):
        return
    if account.is_platform_admin and account.id != principal.user_id:
        raise Refused("permission_denied", "Platform administrators change their account themselves.")
    with system_scope("look whether an account is in other organizations"):
        elsewhere = Membership.select(Membership.id).where(
            Membership.user_id == account.id, Membership.organization_id != principal.organization_id
        )
        if elsewhere.exists():
            message = "They belong to other organizations too, and change name, address, time zone and locale themselves."
            raise Refused("invalid_state", message)


def _new_address(member: Member, account: Any, email: str, granter: Delegator) -> dict[str, Any]:
    """What else changes with the address: who reads mail there can take account and invitation over, so links are void."""
    require_above(granter, str(member.id))
    if isinstance(account, Invitation):
        invitations.refuse_known(email)
        invitations.void(account.user_id)
        _send(account.user_id)
        return {}
    if account.kind != "person":
        raise Invalid({"email": [Problem("invalid_choice", "A service user has no mailbox; leave this out.")]})
    if User.select(User.id).where(User.email == email).exists():
        raise Invalid({"email": [Problem("not_unique", "Another account has this address.")]})
    links.void(account.id)
    ask_to_verify(email)
    tell_former_address(account.email)
    return {"email_verified_at": None}
