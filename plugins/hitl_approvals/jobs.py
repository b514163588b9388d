"""Background jobs of approvals: mails to assignees, reminders, escalation and expiry."""

from collections.abc import Mapping
from typing import Any

from aasim_core import App, Job, JobContext, enqueue
from aasim_core.context import SYSTEM, acting_as
from aasim_core.data.records import find_or_none
from aasim_core.outbound.mail import Mail
from aasim_core.outbound.mail_jobs import mail_job
from aasim_core.tenancy.organizations_with import organizations_with
from aasim_core.tenancy.records import User

from . import mails
from .decisions.closing import close_left_over
from .models import OPEN, Approval
from .service import NOTIFY, TIME_OUT, Approvals

SEND, TIDY = "hitl_approvals.send_mail", "hitl_approvals.tidy"
#: Where more may decide, the others find it in their inbox.
_MOST_MAILS = 50


def jobs_of(app: App, approvals: Approvals) -> tuple[Job, ...]:
    """Every job of the plugin."""

    def notify(context: JobContext, payload: Mapping[str, Any]) -> None:
        with app.database.transaction():
            approval = _open_at(payload)
            if approval is not None:
                for user_id in approvals.eligibility.voters(approval, _MOST_MAILS):
                    enqueue(SEND, {**payload, "user_id": user_id})
            context.complete()

    def time_out(context: JobContext, payload: Mapping[str, Any]) -> None:
        with acting_as(SYSTEM), app.database.transaction():
            approvals.time_out(payload["approval_id"], payload["level"])
            context.complete()

    def tidy(context: JobContext, payload: Mapping[str, Any]) -> None:
        with app.database.transaction():
            close_left_over()

    def write(context: JobContext, payload: Mapping[str, Any]) -> Mail | None:
        approval, user = _open_at(payload), User.get_or_none(User.id == payload["user_id"], User.kind == "person")
        if approval is None or user is None or not approvals.eligibility.may_vote(approval, user.id):
            return None
        return mails.approval_mail(app.settings, approval, user, context.job_id)

    tidying = Job(TIDY, tidy, schedule="*/10 * * * *", per_organization=_with_open)
    return Job(NOTIFY, notify), Job(TIME_OUT, time_out), tidying, mail_job(app.settings.mail, SEND, write)


def _with_open() -> list[str]:
    return organizations_with(Approval, Approval.status.in_(OPEN), Approval.execution_id.is_null(False))


def _open_at(payload: Mapping[str, Any]) -> Approval | None:
    """The approval, if it is still open at the level that the job is about."""
    approval: Approval | None = find_or_none(Approval, payload["approval_id"])
    is_open = approval is not None and approval.status in OPEN and approval.level == payload["level"]
    return approval if is_open else None
