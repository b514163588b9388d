"""Mails that notify owners of flows without successful runs, or without an end."""

from collections.abc import Mapping
from typing import Any

from aasim_core import App, Job, JobContext
from aasim_core.data.records import find_or_none
from aasim_core.outbound.mail import Mail, address_of
from aasim_core.outbound.mail_jobs import mail_job
from aasim_core.tenancy.records import User

from ..models import ACTIVE, PAUSED, JobFlow
from ..settings import settings_of
from .deadlines import FAILING, LOOPING, OVERDUE, SEND

_SUBJECTS = {
    OVERDUE: "Job flow overdue: {name}",
    FAILING: "Job flow paused: {name}",
    LOOPING: "Job flows start each other: {name}",
}
_WHY = {
    OVERDUE: 'no run of the job flow "{name}" has succeeded for {seconds} seconds. It is {status}.',
    FAILING: 'the job flow "{name}" was paused, for its last {failures} runs have failed.',
    LOOPING: 'one event or request has led to {limit} starts of job flows, and the next one, of the job flow "{name}", was skipped.\n'
    "Runs of job flows probably lead to each other; what they do in turn has ended now.",
}
_RESUME = ("When it is fixed, resume it:", ACTIVE)
#: What the owner does then, and the status to be written for it.
_THEN = {OVERDUE: _RESUME, FAILING: _RESUME, LOOPING: ("Pause it until that is changed:", PAUSED)}


def send_mail(app: App) -> Job:
    """The job that notifies the owner of a flow, unless the problem is solved."""

    def write(context: JobContext, payload: Mapping[str, Any]) -> Mail | None:
        flow: JobFlow | None = find_or_none(JobFlow, payload["flow_id"])
        if flow is None or (payload["news"] == OVERDUE and flow.overdue_at is None):
            return None
        user: User | None = User.get_or_none(User.id == flow.owner_id, User.kind == "person")
        if user is None:
            return None
        facts = {
            "name": flow.name,
            "seconds": flow.expect_within_seconds,
            "status": flow.status,
            "failures": max(0, -flow.streak),
            "limit": settings_of(app).caused_limit,
        }
        why = _WHY[payload["news"]].format(**facts)
        then, status = _THEN[payload["news"]]
        text = _TEXT.format(user=user.name, why=why, then=then, status=status, url=address_of(app.settings), id=flow.id)
        return Mail(user.email, _SUBJECTS[payload["news"]].format(name=flow.name), text, id=context.job_id)

    return mail_job(app.settings.mail, SEND, write)


_TEXT = """Hello {user},

{why}

See what became of each start:

  GET {url}/api/v1/job-flows/{id}/executions

{then}

  PUT {url}/api/v1/job-flows/{id}/status
  {{"status": "{status}"}}
"""
