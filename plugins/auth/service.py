"""Operations on accounts: registration, login, tokens, logout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from peewee import IntegrityError

from aasim_core import App, Invalid, Refused, emit, enqueue
from aasim_core.clock import now
from aasim_core.context import EVERY_ORGANIZATION, system_scope
from aasim_core.data.records import compare_and_set
from aasim_core.events.log import Subject
from aasim_core.events.records import DENIED, FAILED
from aasim_core.identity import invitations, sessions
from aasim_core.identity.accounts import create_user, email_taken, found_organization
from aasim_core.identity.clients import Client
from aasim_core.identity.passwords import require_strong
from aasim_core.identity.records import Invitation, Session
from aasim_core.identity.sessions import Tokens
from aasim_core.identity.throttle import Bucket, count_failure, forget, require_patience
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Organization, User

from .event_actors import acting_for, subject_of
from .verification import note_verified


@dataclass(frozen=True)
class Entry:
    """Somebody has come in: tokens, and who they are for."""

    tokens: Tokens
    user: User
    organization: Organization


def register(
    app: App,
    client: Client,
    *,
    name: str,
    email: str,
    password: str,
    organization_name: str | None = None,
    invitation_token: str | None = None,
) -> Entry:
    """Make an account with an organization of its own, or in the one that an invitation is from, and log it in.

    Refused ``registration_closed`` where the settings do not let them register, and ``too_many_attempts``; Invalid for an invitation that
    is not good, a weak password or a taken address.
    """
    require_open(app, invitation_token)
    if invitation_token is None:
        require_patience(_network_buckets(app, client))
    with system_scope("look whether an address is invited, and has an account"):
        if invitation_token is not None:
            invitations.find(invitation_token, email)
        require_strong(password, context=[email, name])
        if _find(email) is not None:
            raise _address_taken(app, client)
    person = {"email": email, "name": name, "password_hash": app.passwords.hash(password)}
    if invitation_token is not None:
        return in_two_tries(lambda: _join(app, client, person, invitation_token))
    return in_two_tries(lambda: settle(app, client, person, organization_name or named_after(name)))


def in_two_tries(make: Callable[[], Entry]) -> Entry:
    """Make an account; again where somebody took the address, or the organization's name, at the same moment: now it can be seen."""
    try:
        return make()
    except IntegrityError:
        return make()


def named_after(name: str) -> str:
    """What the organization of somebody is called who does not say it."""
    return f"{name}'s organization"


def accept_invitation(app: App, principal: Principal, invitation_token: str) -> Organization:
    """Make the caller a member of the organization that invited the address of their account; returns it.

    Invalid for an invitation that is not good, or for another address; Refused ``invalid_state`` for a member.
    """
    user: User = User.get_by_id(principal.user_id)
    with system_scope("join an organization"), app.database.transaction():
        invitation = invitations.find(invitation_token, user.email)
        _accept(app, invitation, user)
        note_verified(user)
        return Organization.get_by_id(invitation.organization_id)


def log_in(app: App, client: Client, *, email: str, password: str) -> Entry:
    """Begin a session.

    Refused ``invalid_credentials`` for whatever is wrong, alike and in the same time for an unknown address, a wrong password and an
    account that may not log in; ``too_many_attempts`` while account or network have to wait, even with the right password.
    """
    with system_scope("log in"):
        user = _find(email)
        user_id = user.id if user is not None else ""
        home = sessions.home_of(user_id)
        buckets = _buckets(app, email, client, known=sessions.has_been_here(user_id, client))
        with app.passwords.turn():
            require_patience(buckets)
            right = app.passwords.verify(user.password_hash if user is not None else None, password)
            if user is None or home is None or not right or user.status != "active":
                reason = "not_allowed" if right else "wrong_credentials"
                raise _login_failed(app, buckets, user or _nobody(email), home, reason)
        _renew_hash(app, user, password)
        tokens = _begin(app, client, buckets, user)
        if tokens is None:
            raise _login_failed(app, buckets, user, home, "not_allowed")
        return Entry(tokens, user, Organization.get_by_id(tokens.organization_id))


def refresh(app: App, refresh_token: str) -> Tokens:
    """Exchange a refresh token; Refused ``invalid_refresh_token`` for one that is not good, or was used before."""

    def note(session: Session) -> None:
        emit(
            "auth.refresh_token_reused", subject_of(User.get_by_id(session.user_id)),
            organization_id=session.current_organization_id, outcome=DENIED, data={"session_id": session.id},
        )  # fmt: skip

    with system_scope("renew a session"):
        return app.sessions.refresh(refresh_token, on_reuse=note)


def log_out(app: App, principal: Principal, *, all_sessions: bool) -> int:
    """End the caller's session, or all of their sessions; returns how many ended."""
    with app.database.transaction():
        if all_sessions:
            ended = sessions.end_all(principal.user_id, "logged_out")
        else:
            ended = sessions.end([str(principal.session_id)], "logged_out")
        emit("auth.logged_out", Subject("user", principal.user_id, principal.label), data={"sessions": ended})
    return ended


def ask_to_verify(email: str) -> None:
    """Send a link by mail that verifies the account's address. Needs a transaction."""
    enqueue("auth.send_mail", {"kind": "email_verification", "email": email}, unique_key=f"email_verification {email}")


def tell_former_address(email: str) -> None:
    """Notify the account's previous address of the change. Needs a transaction."""
    enqueue("auth.send_mail", {"kind": "address_changed", "email": email}, unique_key=f"address_changed {email}")


def settle(app: App, client: Client, person: Mapping[str, Any], organization_name: str) -> Entry:
    """Make an account with an organization of its own, and log it in. The address is verified by mail, unless `person` says that it is."""
    with system_scope("register a person"), app.database.transaction():
        user = create_user(**person, last_login_at=now())
        organization = found_organization(organization_name, user)
        tokens = app.sessions.start(user, organization.id, client)
        if user.email_verified_at is None:
            ask_to_verify(user.email)
        with acting_for(user, client):
            emit("auth.registered", subject_of(user), organization_id=organization.id)
    return Entry(tokens, user, organization)


def _join(app: App, client: Client, person: Mapping[str, Any], invitation_token: str) -> Entry:
    with system_scope("register somebody who is invited"), app.database.transaction():
        invitation = invitations.find(invitation_token, person["email"])
        settled = {"id": invitation.user_id, "timezone": invitation.timezone, "locale": invitation.locale}
        user = create_user(**person, **settled, email_verified_at=now(), last_login_at=now())
        with acting_for(user, client):
            emit("auth.registered", subject_of(user), organization_id=invitation.organization_id)
            _accept(app, invitation, user)
        tokens = app.sessions.start(user, invitation.organization_id, client)
    return Entry(tokens, user, Organization.get_by_id(invitation.organization_id))


def _accept(app: App, invitation: Invitation, user: User) -> None:
    invitations.accept(app.models, invitation, user.id)
    waited = {"invited_as": invitation.user_id}
    emit("auth.invitation_accepted", subject_of(user), organization_id=invitation.organization_id, data=waited)


def account_bucket(app: App, email: str) -> Bucket:
    """The bucket for failed logins of an account from unknown devices."""
    return Bucket("failed_logins", "account", (email.casefold(),), app.settings.rate_limits.login_per_account)


def require_open(app: App, invitation_token: str | None = None) -> None:
    """Refused ``registration_closed`` where the settings do not let them register."""
    mode = app.settings.auth.registration
    if mode == "closed":
        raise Refused("registration_closed", "Registration is closed; ask an administrator for an account.")
    if mode == "invite" and invitation_token is None:
        raise Refused("registration_closed", "Registration needs an invitation; ask an administrator for one.")


def _find(email: str) -> User | None:
    user: User | None = User.get_or_none(User.email == email.casefold())
    return user


def _nobody(email: str) -> User:
    """Stands for an account that does not exist."""
    return User(id=None, email=email)


def _begin(app: App, client: Client, buckets: list[Bucket], user: User) -> Tokens | None:
    """Begin the session; None where the user may not log in any more, or has another password than the one that was verified."""
    with app.database.transaction():
        sessions.hold(user.id)
        home = sessions.home_of(user.id)
        if home is None or not _note_login(user):
            return None
        forget(buckets[:1])
        tokens = app.sessions.start(user, home, client)
        with acting_for(user, client):
            emit("auth.logged_in", subject_of(user), organization_id=home, data={"session_id": tokens.session_id})
    return tokens


def _note_login(user: User) -> bool:
    """Record the login time; False for an account that is no longer active, or whose password was changed since it was read."""
    seen = {"status": "active", "password_changed_at": user.password_changed_at}
    return compare_and_set(user, seen, {"last_login_at": now()})


def _login_failed(app: App, buckets: list[Bucket], user: User, home: str | None, reason: str) -> Refused:
    """Count and note the failure, with the same writes whether there is such an account or not; returns the refusal."""
    with app.database.transaction():
        count_failure(buckets, app.settings.rate_limits.login_window_seconds)
        emit(
            "auth.login_failed", subject_of(user), organization_id=home or EVERY_ORGANIZATION, outcome=FAILED,
            data={"reason": reason},
        )  # fmt: skip
    return Refused("invalid_credentials", "The address or the password is wrong, or the account may not log in.")


def _buckets(app: App, email: str, client: Client, *, known: bool) -> list[Bucket]:
    """What failures count against. A device that was here before has a bucket of its own, so strangers cannot lock its owner out."""
    limits = app.settings.rate_limits
    if not limits.enabled:
        return []
    if known:
        device = (email.casefold(), client.network, client.user_agent)
        return [Bucket("failed_logins", "account", device, limits.login_per_account)]
    return [account_bucket(app, email), *_network_buckets(app, client)]


def _network_buckets(app: App, client: Client) -> list[Bucket]:
    limits = app.settings.rate_limits
    return [Bucket("failed_logins", "network", (client.network,), limits.login_per_network)] if limits.enabled else []


def _address_taken(app: App, client: Client) -> Invalid:
    """Count a response that reveals an account like a failed login of the network; returns it."""
    with app.database.transaction():
        count_failure(_network_buckets(app, client), app.settings.rate_limits.login_window_seconds)
    return email_taken()


def _renew_hash(app: App, user: User, password: str) -> None:
    if app.passwords.is_outdated(str(user.password_hash)):
        renewed = app.passwords.hash(password)
        with app.database.transaction():
            compare_and_set(user, {"password_hash": user.password_hash}, {"password_hash": renewed})
