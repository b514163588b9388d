"""Password reset by mail: the request, the mail with its link, and the use of the link."""

from datetime import datetime, timedelta

from aasim_core import App, Invalid, Problem, emit, enqueue
from aasim_core.clock import now
from aasim_core.context import EVERY_ORGANIZATION, system_scope
from aasim_core.identity import links, sessions
from aasim_core.identity.clients import Client
from aasim_core.identity.passwords import require_strong
from aasim_core.identity.records import PasswordReset
from aasim_core.identity.throttle import forget
from aasim_core.outbound.links import steps
from aasim_core.outbound.mail import Mail, address_of
from aasim_core.tenancy.records import User

from .account import set_password
from .event_actors import acting_for, subject_of
from .service import account_bucket
from .verification import note_verified

_MINUTES = 30
#: Links that one account gets in that time; more would only fill a mailbox.
_MOST = 3


def forgot_password(app: App, email: str) -> None:
    """Have a link mailed to the account of that address, if there is one; it takes the same time if there is none."""
    with system_scope("ask for a mail to an account"), app.database.transaction():
        payload = {"kind": "password_reset", "email": email}
        enqueue("auth.send_mail", payload, unique_key=f"password_reset {email}")


def reset_mail(app: App, email: str, mail_id: str) -> Mail | None:
    """Return the mail with a new link, composed just before sending so that the link is not stored; None where none is due."""
    with system_scope("make a link for a new password"), app.database.transaction():
        user = User.get_or_none(User.email == email, User.status == "active", User.kind == "person")
        since = now() - timedelta(minutes=_MINUTES)
        if user is None or _sent_since(user.id, since) >= _MOST:
            return None
        token = links.make(PasswordReset, links.RESET, timedelta(minutes=_MINUTES), user_id=user.id)
    url = address_of(app.settings)
    call = _CALL.format(url=url, token=token)
    how = steps(app.settings.mail.link_template, "password_reset", id=user.id, token=token, otherwise=call)
    text = _TEXT.format(name=user.name, url=url, steps=how)
    return Mail(email, "Your new password", text, id=mail_id)


def reset_password(app: App, client: Client, *, token: str, password: str) -> None:
    """Set a new password by a link's token, once, and end every session; Invalid for a token that is not good, or a weak password."""
    with system_scope("set a new password by a link"):
        reset = links.find(PasswordReset, token, links.RESET)
        user = None if reset is None else User.get_or_none(User.id == reset.user_id, User.status == "active")
        if user is None:
            raise _spent()
        require_strong(password, context=[user.email, user.name])
        password_hash = app.passwords.hash(password)
        with app.database.transaction(), acting_for(user, client):
            if not links.spend(reset):
                raise _spent()
            set_password(user, password_hash)
            note_verified(user)
            forget([account_bucket(app, user.email)])
            ended = sessions.end_all(user.id, "password_reset")
            home = sessions.home_of(user.id) or EVERY_ORGANIZATION
            emit("auth.password_reset", subject_of(user), organization_id=home, data={"sessions": ended})


def _sent_since(user_id: str, moment: datetime) -> int:
    return int(PasswordReset.select().where(PasswordReset.user_id == user_id, PasswordReset.created_at > moment).count())


def _spent() -> Invalid:
    return Invalid({"token": [Problem("invalid_reference", "The link is no longer valid; request another one.")]})


_TEXT = """Hello {name},

somebody, probably you, asked for a new password at {url}.
Set one within 30 minutes (it works once).

{steps}
If it was not you, do nothing: your password stays as it is.
"""

_CALL = """Send this:

  POST {url}/api/v1/auth/reset-password
  {{"token": "{token}", "password": "<your new password>"}}
"""
