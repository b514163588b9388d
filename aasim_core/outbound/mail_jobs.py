"""Mails as jobs: each is composed when it is sent, so that no link in it is stored."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..jobs.declarations import Job, Retry
from ..jobs.errors import GiveUp, TryAgain
from .egress import refuse_held
from .mail import Mail, NotSent, mailer_of

if TYPE_CHECKING:
    from ..jobs.context import JobContext
    from ..settings.sections import MailSettings

#: Composes the mail of a payload, or returns None where none is due any more.
Writer = Callable[["JobContext", Mapping[str, Any]], Mail | None]


def mail_job(settings: "MailSettings", name: str, write: Writer) -> Job:
    """The job `name` that composes and sends one mail; a server that refuses it temporarily is retried for some minutes."""
    send = mailer_of(settings)

    def run(context: "JobContext", payload: Mapping[str, Any]) -> None:
        mail = write(context, payload)
        if mail is None:
            return
        refuse_held()
        try:
            send(mail)
        except NotSent as error:
            raise (GiveUp if error.permanent else TryAgain)(str(error)) from error

    return Job(name, run, retry=Retry(max_attempts=6, base_seconds=10), time_limit=60)
