"""Sessions: how a login creates tokens, how they are refreshed, and how sessions end."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

import peewee

from ..clock import now
from ..context import system_scope
from ..data.records import create, database_of
from ..errors import Refused
from ..tenancy.records import ACTIVE, Membership, Organization, User
from ..text import base64url
from .clients import Client
from .records import RefreshToken, Session

if TYPE_CHECKING:
    from ..data.database import Database
    from ..secrets import Keyring
    from ..settings.sections import AuthSettings
    from .tokens import AccessTokens

#: Time during which a just used refresh token returns the same successor again: the response may have been lost.
RETRY_SECONDS = 10
_SHAPE = re.compile(r"aasim_rt_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Tokens:
    """The tokens that a client gets for a login or a refresh."""

    access_token: str
    refresh_token: str
    expires_in: int
    session_id: str
    user_id: str
    organization_id: str


class Sessions:
    """Begins and renews sessions; `keyring` gives the keys of now, from which refresh tokens are derived."""

    def __init__(
        self, database: "Database", keyring: "Callable[[], Keyring]", tokens: "AccessTokens", auth: "AuthSettings"
    ) -> None:
        self._database, self._keyring, self._access_tokens, self._auth = database, keyring, tokens, auth

    def start(self, user: User, organization_id: str, client: Client) -> Tokens:
        """Begin a session, and end the user's oldest ones beyond the limit. Needs a transaction."""
        moment = now()
        session: Session = create(
            Session, user_id=user.id, current_organization_id=organization_id, ip=client.ip, network=client.network,
            user_agent=client.user_agent, device=_device(client.user_agent), last_seen_at=moment,
            expires_at=moment + timedelta(days=self._auth.session_days),
        )  # fmt: skip
        self._end_beyond_limit(user.id)
        secret = "aasim_rt_" + base64url.encode(token_bytes(32))
        create(RefreshToken, session_id=session.id, digest=_digest(secret))
        return self._tokens(session, secret)

    def refresh(self, token: str, *, on_reuse: Callable[[Session], object] = lambda session: None) -> Tokens:
        """Exchange a refresh token for its successor and a new access token; Refused ``invalid_refresh_token`` for one that is not good.

        One that was used before ends the session, for somebody has a copy; `on_reuse` is called in the transaction that ends it. Only a
        lost answer may be fetched again: within 10 s, and while the successor is unused, the same one is given.
        """
        if _SHAPE.fullmatch(token) is None:
            raise _invalid()
        with self._database.transaction():
            row: RefreshToken | None = RefreshToken.get_or_none(RefreshToken.digest == _digest(token))
            session: Session | None = Session.get_or_none(Session.id == row.session_id) if row is not None else None
            if row is None or session is None or not self._is_live(session):
                raise _invalid()
            hold(session.user_id)
            successor = self._use(row, token) or self._again(row.id, token)
            if successor is not None:
                return self._renewed(session, successor)
            if end([session.id], "refresh_token_reused"):
                on_reuse(session)
        raise _invalid()

    def is_expired(self, last_seen_at: datetime, expires_at: datetime) -> bool:
        """Whether a session is over by time: too old, or unused for too long."""
        moment = now()
        return expires_at <= moment or last_seen_at <= moment - timedelta(days=self._auth.idle_days)

    def _is_live(self, session: Session) -> bool:
        if session.status != "active" or self.is_expired(session.last_seen_at, session.expires_at):
            return False
        return bool(User.select(User.id).where(User.id == session.user_id, User.status == "active").exists())

    def _use(self, row: RefreshToken, token: str) -> str | None:
        """The token's successor, if this is its first use: of many at the same time exactly one gets here."""
        successor = self._successors(token)[0]
        unused = (RefreshToken.id == row.id) & RefreshToken.used_at.is_null()
        if not RefreshToken.update(used_at=now(), successor_digest=_digest(successor)).where(unused).execute():
            return None
        create(RefreshToken, session_id=row.session_id, digest=_digest(successor))
        return successor

    def _again(self, row_id: str, token: str) -> str | None:
        """The same successor again, for an answer that was lost."""
        following = RefreshToken.alias()
        row = (
            RefreshToken.select(RefreshToken.used_at, RefreshToken.successor_digest)
            .join(following, on=(following.digest == RefreshToken.successor_digest))
            .where(RefreshToken.id == row_id, following.used_at.is_null())
            .get_or_none()
        )
        if row is None or row.used_at < now() - timedelta(seconds=RETRY_SECONDS):
            return None
        return next((each for each in self._successors(token) if _digest(each) == row.successor_digest), None)

    def _successors(self, token: str) -> list[str]:
        """The token's successor by each key of the ring, the newest first.

        It is derived, not random: a retry gets the same one although only its digest is kept, and without the key nobody can tell it.
        """
        return [
            "aasim_rt_" + base64url.encode(signature) for signature in self._keyring().signatures("refresh-token", token.encode())
        ]

    def _renewed(self, session: Session, refresh_token: str) -> Tokens:
        home = home_of(session.user_id, session.current_organization_id)
        if home is None:
            raise _invalid()
        Session.update(last_seen_at=now(), current_organization_id=home).where(Session.id == session.id).execute()
        session.current_organization_id = home
        return self._tokens(session, refresh_token)

    def _tokens(self, session: Session, refresh_token: str) -> Tokens:
        access_token = self._access_tokens.issue(
            user_id=session.user_id, session_id=session.id, organization_id=session.current_organization_id
        )
        return Tokens(
            access_token,
            refresh_token,
            self._access_tokens.lifetime_seconds,
            session.id,
            session.user_id,
            session.current_organization_id,
        )

    def _end_beyond_limit(self, user_id: str) -> None:
        """End the oldest sessions beyond the limit; what is over by time does not count, and takes nobody's place."""
        auth, moment = self._auth, now()
        live = (Session.expires_at > moment) & (Session.last_seen_at > moment - timedelta(days=auth.idle_days))
        end(_active_ids(user_id, live)[auth.max_sessions :], "too_many_sessions")


def home_of(user_id: str, preferred: str | None = None) -> str | None:
    """Return the organization for a login: the preferred one, or the oldest in which the user is active; None without any.

    Suspended and closing ones come last: their members may log in, and are told about it.
    """
    with system_scope("find the organizations of a user"):
        query = (
            Membership.select(Membership.organization_id)
            .join(Organization, on=(Organization.id == Membership.organization_id))
            .where(Membership.user_id == user_id, Membership.status == "active")
            .order_by(peewee.Case(Organization.status, [(ACTIVE, 0)], 1), Membership.created_at, Membership.id)
        )
        found = [membership.organization_id for membership in query]
    return preferred if preferred in found else next(iter(found), None)


def hold(user_id: str) -> None:
    """Lock the user's sessions and memberships against other transactions until the running one ends.

    Take the lock before reading the user's memberships; otherwise a session could begin in an organization that the user has just left.
    """
    database_of(Session).lock(f"sessions/{user_id}")


def end(session_ids: list[str], reason: str) -> int:
    """End the sessions, effective on their next requests; returns how many were active. Needs a transaction."""
    moment = now()
    changed = {"ended_at": moment, "updated_at": moment, "version": Session.version + 1}
    ended = Session.update(status="terminated", end_reason=reason, **changed)
    return int(ended.where(Session.id.in_(session_ids), Session.status == "active").execute())


def end_all(user_id: str, reason: str, *, but: str | None = None) -> int:
    """End all sessions of a user, or all but one; returns their number. Needs a transaction."""
    return end(_active_ids(user_id, *([Session.id != but] if but else [])), reason)


def has_been_here(user_id: str, client: Client) -> bool:
    """Return whether the user logged in from this network with this program in the last 90 days."""
    recent = (Session.user_id == user_id) & (Session.created_at > now() - timedelta(days=90))
    same = (Session.network == client.network) & (Session.user_agent == client.user_agent)
    return bool(Session.select(Session.id).where(recent & same & (Session.network != "unknown")).exists())


def _active_ids(user_id: str, *conditions: Any) -> list[str]:
    """Return the user's active sessions that meet the conditions, the newest first."""
    active = Session.select(Session.id).where(Session.user_id == user_id, Session.status == "active", *conditions)
    return [session.id for session in active.order_by(Session.created_at.desc(), Session.id.desc())]


def _device(user_agent: str) -> str:
    """Return a short name for lists of sessions: the program and, for a browser, the system."""
    program = user_agent.partition("/")[0].strip()
    system = next((name for name in ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux") if name in user_agent), "")
    browsers = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    browser = next((name for mark, name in browsers if mark in user_agent), program)
    return f"{browser} on {system}" if browser and system else browser or "unknown"


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _invalid() -> Refused:
    return Refused("invalid_refresh_token", "The refresh token is no longer valid; log in again.")
