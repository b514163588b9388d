"""Background jobs of accounts: mails, and the daily deletion of expired records."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aasim_core import App, Job, JobContext
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.identity.records import EmailVerification, PasswordReset, RefreshToken, Session
from aasim_core.identity.throttle import forget_old
from aasim_core.outbound.mail import Mail
from aasim_core.outbound.mail_jobs import mail_job

from . import registrations, resets, verification
from .models import Registration

_KEEP_DAYS = 90
#: What writes each kind of mail.
_WRITERS = {
    "password_reset": resets.reset_mail,
    "email_verification": verification.verification_mail,
    "registration": registrations.registration_mail,
    "address_changed": verification.former_address_mail,
}


def send_mail(app: App) -> Job:
    """The job that writes and sends one mail."""

    def write(context: JobContext, payload: Mapping[str, Any]) -> Mail | None:
        return _WRITERS[payload["kind"]](app, payload["email"], context.job_id)

    return mail_job(app.settings.mail, "auth.send_mail", write)


def prune(app: App) -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that removes expired links, sessions and counters."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        old = now() - timedelta(days=_KEEP_DAYS)
        over = Session.select(Session.id).where((Session.ended_at < old) | (Session.expires_at < old))
        with system_scope("remove old sessions"), app.database.transaction():
            RefreshToken.delete().where(RefreshToken.session_id.in_(over)).execute()
            RefreshToken.delete().where(RefreshToken.used_at < old).execute()
            Session.delete().where((Session.ended_at < old) | (Session.expires_at < old)).execute()
            PasswordReset.delete().where(PasswordReset.expires_at < old).execute()
            EmailVerification.delete().where(EmailVerification.expires_at < old).execute()
            Registration.delete().where(Registration.expires_at < now()).execute()
            forget_old(old)

    return run
