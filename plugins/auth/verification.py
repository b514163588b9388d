"""Verification of a mail address: the mail, and the link in it."""

from datetime import timedelta

from aasim_core import App, Invalid, Problem, emit
from aasim_core.clock import now
from aasim_core.context import EVERY_ORGANIZATION, system_scope
from aasim_core.identity import links, sessions
from aasim_core.identity.clients import Client
from aasim_core.identity.records import EmailVerification
from aasim_core.outbound.links import steps
from aasim_core.outbound.mail import Mail, address_of
from aasim_core.tenancy.records import User

from .event_actors import acting_for, subject_of

_HOURS = 24


def verification_mail(app: App, email: str, mail_id: str) -> Mail | None:
    """The mail with a fresh link; None where the address has no account any more, or is known to be read."""
    with system_scope("make a link that verifies an address"), app.database.transaction():
        user = User.get_or_none(User.email == email, User.email_verified_at.is_null(), User.kind == "person")
        if user is None:
            return None
        token = links.make(EmailVerification, links.VERIFICATION, timedelta(hours=_HOURS), user_id=user.id, email=email)
    url = address_of(app.settings)
    how = steps(
        app.settings.mail.link_template,
        "email_verification",
        id=user.id,
        token=token,
        otherwise=_CALL.format(url=url, token=token),
    )
    text = _TEXT.format(name=user.name, url=url, steps=how, hours=_HOURS)
    return Mail(email, "Is this your address?", text, id=mail_id)


def former_address_mail(app: App, email: str, mail_id: str) -> Mail:
    """The mail to an address that was an account's until somebody changed it; it does not say to which one."""
    return Mail(email, "Your address was changed", _FORMER.format(url=address_of(app.settings), email=email), id=mail_id)


def verify_email(app: App, client: Client, token: str) -> None:
    """Keep that the address of the link's account is read; Invalid for a link that is not good, or for an address before."""
    with system_scope("verify an address by a link"), app.database.transaction():
        link = links.find(EmailVerification, token, links.VERIFICATION)
        user = None if link is None else User.get_or_none(User.id == link.user_id, User.email == link.email)
        if user is None or not links.spend(link):
            message = "The link is not good any more, or for an address that was changed."
            raise Invalid({"token": [Problem("invalid_reference", message)]})
        if note_verified(user):
            with acting_for(user, client):
                emit("auth.email_verified", subject_of(user), organization_id=sessions.home_of(user.id) or EVERY_ORGANIZATION)


def note_verified(user: User) -> bool:
    """Keep that they read the mail to their address; False where that was known. Needs a transaction."""
    moment, unknown = now(), (User.id == user.id) & User.email_verified_at.is_null()
    verified = User.update(email_verified_at=moment, updated_at=moment, version=User.version + 1)
    return bool(verified.where(unknown).execute())


_TEXT = """Hello {name},

this address was given at {url}.
If that was you, confirm it within {hours} hours (it works once).

{steps}
If it was not you, do nothing.
"""

_CALL = """Send this:

  POST {url}/api/v1/auth/verify-email
  {{"token": "{token}"}}
"""

_FORMER = """Hello,

the account with the address {email} at {url} has another address now.
You changed it yourself, or an administrator of your organization did. You cannot log in
with {email} any more, and nothing more is sent here.

If that is not right, ask them.
"""
