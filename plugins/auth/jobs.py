"""Mails that are written when they are sent, and the daily removal of what is over."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aasim_core import App, JobContext
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.identity.records import PasswordReset, RefreshToken, Session
from aasim_core.identity.throttle import forget_old
from aasim_core.jobs.context import GiveUp
from aasim_core.outbound.mail import NotSent, mailer_of

from . import resets

_KEEP_DAYS = 90


def send_mail(app: App) -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that writes and sends one mail."""

    send = mailer_of(app.settings.mail)

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        mail = resets.reset_mail(app, payload["email"], context.job_id)
        if mail is None:
            return
        try:
            send(mail)
        except NotSent as error:
            if error.permanent:
                raise GiveUp(str(error)) from error
            raise

    return run


def prune(app: App) -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that removes links, sessions and counters that nobody can use or see any more."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        old = now() - timedelta(days=_KEEP_DAYS)
        over = Session.select(Session.id).where((Session.ended_at < old) | (Session.expires_at < old))
        with system_scope("remove old sessions"), app.database.transaction():
            RefreshToken.delete().where(RefreshToken.session_id.in_(over)).execute()
            RefreshToken.delete().where(RefreshToken.used_at < old).execute()
            Session.delete().where((Session.ended_at < old) | (Session.expires_at < old)).execute()
            PasswordReset.delete().where(PasswordReset.expires_at < old).execute()
            forget_old(old)

    return run
