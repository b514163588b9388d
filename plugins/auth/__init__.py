"""Registration, login, tokens, and a person's own account."""

from collections.abc import Sequence

from aasim_core import App, Event, Job, Plugin, Resource, Row, hookimpl
from aasim_core.schemas.fields import Choice, Id, Integer

from . import api
from .jobs import prune, send_mail
from .models import Registration

plugin = Plugin("Accounts", "Registration, login, tokens, passwords and the caller's own profile.", essential=True)


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The registrations that wait for a mail to be answered."""
    return (Registration,)


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What people do at the door, and what fails there."""
    ended = {"sessions": Integer(0, required=True, description="How many sessions ended.")}
    session = {"session_id": Id("session", required=True)}
    return (
        Event("auth.registered", "Somebody registered, with an organization of their own or by an invitation", "user"),
        Event("auth.invitation_accepted", "Somebody who was invited joined the organization", "user",
              {"invited_as": Id("user", required=True, description="The id under which they waited.")}),
        Event("auth.email_verified", "Somebody showed that they read the mail to their address", "user"),
        Event("auth.logged_in", "Somebody logged in", "user", session),
        Event("auth.login_failed", "A login was refused", "user",
              {"reason": Choice("wrong_credentials", "not_allowed", required=True)}),
        Event("auth.logged_out", "Somebody ended one or all of their sessions", "user", ended),
        Event("auth.refresh_token_reused", "A used refresh token came again, so its session was ended", "user", session),
        Event("auth.profile_updated", "Somebody changed their profile", "user"),
        Event("auth.password_changed", "Somebody changed their password", "user", ended),
        Event("auth.password_change_failed", "A change of password gave the wrong current one", "user"),
        Event("auth.password_reset", "Somebody set a new password by mail", "user", ended),
    )  # fmt: skip


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Mails, and the removal of expired records."""
    return (send_mail(app), Job("auth.prune", prune(app), time_limit=300, schedule="17 3 * * *"))


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /auth."""
    return (api.Auth(app), api.Account(app))
