"""A new password by mail: the question, the mail with its link, and the use of the link."""

import re
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from aasim_core import App, Invalid, Problem, emit, enqueue
from aasim_core.clock import now
from aasim_core.context import EVERY_ORGANIZATION, system_scope
from aasim_core.data.records import create
from aasim_core.identity import sessions
from aasim_core.identity.clients import Client
from aasim_core.identity.passwords import require_strong
from aasim_core.identity.records import PasswordReset, User
from aasim_core.identity.throttle import forget
from aasim_core.outbound.mail import Mail

from .account import set_password
from .service import account_bucket, acting_for, subject_of

_MINUTES = 30
#: Links that one account gets in that time; more would only fill a mailbox.
_MOST = 3
_SHAPE = re.compile(r"aasim_pr_[A-Za-z0-9_-]{43}")


def forgot_password(app: App, email: str) -> None:
    """Have a link mailed to the account of that address, if there is one; it takes the same time if there is none."""
    with system_scope("ask for a mail to an account"), app.database.transaction():
        payload = {"kind": "password_reset", "email": email}
        enqueue("auth.send_mail", payload, unique_key=f"password_reset {email}")


def reset_mail(app: App, email: str, mail_id: str) -> Mail | None:
    """The mail with a fresh link, written just before it is sent so that the link is kept nowhere; None where none is due."""
    with system_scope("make a link for a new password"), app.database.transaction():
        user = User.get_or_none(User.email == email, User.status == "active", User.kind == "person")
        since = now() - timedelta(minutes=_MINUTES)
        if user is None or _sent_since(user.id, since) >= _MOST:
            return None
        token = f"aasim_pr_{token_urlsafe(32)}"
        expires_at = now() + timedelta(minutes=_MINUTES)
        create(PasswordReset, user_id=user.id, digest=_digest(token), expires_at=expires_at)
    return Mail(email, "Your new password", _TEXT.format(name=user.name, url=_base(app), token=token), id=mail_id)


def reset_password(app: App, client: Client, *, token: str, password: str) -> None:
    """Set a new password by a link's token, once, and end every session; Invalid for a token that is not good, or a weak password."""
    with system_scope("set a new password by a link"):
        reset = _find(token)
        user: User | None = User.get_or_none(User.id == reset.user_id, User.status == "active")
        if user is None:
            raise _spent()
        require_strong(password, context=[user.email, user.name])
        password_hash = app.passwords.hash(password)
        with app.database.transaction(), acting_for(user, client):
            _spend(reset)
            set_password(user, password_hash)
            forget([account_bucket(app, user.email)])
            ended = sessions.end_all(user.id, "password_reset")
            home = sessions.home_of(user.id) or EVERY_ORGANIZATION
            emit("auth.password_reset", subject_of(user), organization_id=home, data={"sessions": ended})


def _find(token: str) -> PasswordReset:
    """The link of that token, if it is still good."""
    if _SHAPE.fullmatch(token) is None:
        raise _spent()
    good = PasswordReset.used_at.is_null() & (PasswordReset.expires_at > now())
    reset: PasswordReset | None = PasswordReset.get_or_none(PasswordReset.digest == _digest(token), good)
    if reset is None:
        raise _spent()
    return reset


def _spend(reset: PasswordReset) -> None:
    """Use the link; of many who use it at the same time one gets through."""
    used = PasswordReset.update(used_at=now()).where(PasswordReset.id == reset.id, PasswordReset.used_at.is_null())
    if not used.execute():
        raise _spent()


def _sent_since(user_id: str, moment: datetime) -> int:
    return int(PasswordReset.select().where(PasswordReset.user_id == user_id, PasswordReset.created_at > moment).count())


def _spent() -> Invalid:
    return Invalid({"token": [Problem("invalid_reference", "The link is not good any more; ask for another one.")]})


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _base(app: App) -> str:
    return app.settings.http.public_url.rstrip("/") or f"http://{app.settings.server.bind}"


_TEXT = """Hello {name},

somebody, probably you, asked for a new password at {url}.
Send this within 30 minutes to set one (it works once):

  POST {url}/api/v1/auth/reset-password
  {{"token": "{token}", "password": "<your new password>"}}

If it was not you, do nothing: your password stays as it is.
"""
