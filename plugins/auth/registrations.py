"""Registration without revealing who has an account: every request is answered by a mail."""

from datetime import timedelta

from aasim_core import App, Invalid, Problem, enqueue
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.data.records import create
from aasim_core.identity import links
from aasim_core.identity.clients import Client
from aasim_core.identity.passwords import require_strong
from aasim_core.outbound.links import steps
from aasim_core.outbound.mail import Mail, address_of
from aasim_core.tenancy.records import User

from .models import Registration
from .service import Entry, in_two_tries, named_after, require_open, settle

_LIFETIME = timedelta(hours=24)
#: Mails that one address gets in that time; more would only fill a mailbox.
_MOST, _WITHIN = 3, timedelta(minutes=30)


def ask(app: App, *, name: str, email: str, password: str, organization_name: str | None = None) -> None:
    """Keep what somebody registers with, and have the mail sent; whether the address has an account is not looked up.

    Invalid for a weak password.
    """
    require_strong(password, context=[email, name])
    password_hash = app.passwords.hash(password)
    with system_scope("keep a registration until it is confirmed"), app.database.transaction():
        create(
            Registration, email=email, name=name, organization_name=organization_name or named_after(name),
            password_hash=password_hash, expires_at=now() + _LIFETIME,
        )  # fmt: skip
        enqueue("auth.send_mail", {"kind": "registration", "email": email}, unique_key=f"registration {email}")


def confirm(app: App, client: Client, token: str, password: str) -> Entry:
    """Create the account, with its organization, and log it in.

    It requires the password too, because the mail's reader may not be the person who registered. Refused ``registration_closed`` where
    registration was closed meanwhile; Invalid for an invalid link, a wrong password, or an address that has an account by now.
    """
    require_open(app)
    with system_scope("look for a registration"):
        asked = links.find(Registration, token, links.REGISTRATION)
        if asked is not None and not app.passwords.verify(asked.password_hash, password):
            raise Invalid(
                {"password": [Problem("invalid_reference", "This is not the password that was registered; register again.")]}
            )
    return in_two_tries(lambda: _confirmed(app, client, token))


def registration_mail(app: App, email: str, mail_id: str) -> Mail | None:
    """The mail that answers the youngest registration: a fresh link, or that there is an account; None where none is due any more."""
    with system_scope("answer a registration by mail"), app.database.transaction():
        asked = _youngest(email)
        if asked is None or _mailed_before(asked) >= _MOST:
            return None
        token, digest = links.new_token(links.REGISTRATION)
        Registration.update(digest=digest).where(Registration.id == asked.id).execute()
        user = User.get_or_none(User.email == email)
    return _link(app, asked, token, mail_id) if user is None else _known(app, user, mail_id)


def _confirmed(app: App, client: Client, token: str) -> Entry:
    with system_scope("confirm a registration"), app.database.transaction():
        asked = links.find(Registration, token, links.REGISTRATION)
        if asked is None or not links.spend(asked):
            raise Invalid({"token": [Problem("invalid_reference", "The link is not good any more; register again.")]})
        person = {"email": asked.email, "name": asked.name, "password_hash": asked.password_hash, "email_verified_at": now()}
        return settle(app, client, person, asked.organization_name)


def _youngest(email: str) -> Registration | None:
    waiting = Registration.select().where(
        Registration.email == email, Registration.used_at.is_null(), Registration.expires_at > now()
    )
    youngest: Registration | None = waiting.order_by(Registration.created_at.desc(), Registration.id.desc()).first()
    return youngest


def _mailed_before(asked: Registration) -> int:
    """How many others with the address have had their mail lately."""
    mailed = Registration.select().where(
        Registration.email == asked.email, Registration.id != asked.id, Registration.digest.is_null(False),
        Registration.created_at > now() - _WITHIN,
    )  # fmt: skip
    return int(mailed.count())


def _link(app: App, asked: Registration, token: str, mail_id: str) -> Mail:
    url = address_of(app.settings)
    call = _CONFIRM.format(url=url, token=token)
    how = steps(app.settings.mail.link_template, "registration", id=asked.id, token=token, otherwise=call)
    text = _TEXT.format(name=asked.name, organization=asked.organization_name, url=url, steps=how)
    return Mail(asked.email, "Confirm your registration", text, id=mail_id)


def _known(app: App, user: User, mail_id: str) -> Mail:
    url = address_of(app.settings)
    calls = _LOG_IN.format(url=url, email=user.email)
    how = steps(app.settings.mail.link_template, "login", id=user.id, otherwise=calls)
    return Mail(user.email, "You have an account already", _KNOWN.format(name=user.name, url=url, steps=how), id=mail_id)


_TEXT = """Hello {name},

somebody, probably you, registered at {url} with this address, to found
{organization}. Confirm it within 24 hours (it works once).

{steps}
If it was not you, do nothing: there is no account.
"""

_CONFIRM = """Send this:

  POST {url}/api/v1/auth/confirm-registration
  {{"token": "{token}", "password": "<the password that you registered with>"}}
"""

_KNOWN = """Hello {name},

somebody, probably you, registered at {url} with this address. You have an account there already,
which stays as it is. Log in with your password; if you forgot it, set a new one.

{steps}
If it was not you, do nothing.
"""

_LOG_IN = """To log in, send this:

  POST {url}/api/v1/auth/login
  {{"email": "{email}", "password": "<your password>"}}

To set a new password, ask for a mail with a link:

  POST {url}/api/v1/auth/forgot-password
  {{"email": "{email}"}}
"""
