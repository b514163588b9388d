"""The mail that notifies an owner that a webhook was disabled."""

from collections.abc import Mapping
from typing import Any

from aasim_core import App, Job, JobContext
from aasim_core.clock import to_text
from aasim_core.data.records import find_or_none
from aasim_core.outbound.mail import Mail, address_of
from aasim_core.outbound.mail_jobs import mail_job
from aasim_core.tenancy.records import User

from .health import CREATOR_LEFT, CREATOR_LOST_PERMISSION, IS_FAILING, IS_GONE, SEND
from .models import AUTO_DISABLED, Webhook

_WHY = {
    CREATOR_LEFT: "{creator}, who made it or said last what is sent where, may not act in the organization any more.",
    CREATOR_LOST_PERMISSION: "{creator}, who made it or said last what is sent where, may not have events sent to an address any more.",
    IS_GONE: "It has answered 410, which says that it is gone.",
    IS_FAILING: "Everything that was sent to it since {since} has failed.",
}


def send_mail(app: App) -> Job:
    """The job that notifies one owner, unless the webhook was enabled or deleted meanwhile."""

    def write(context: JobContext, payload: Mapping[str, Any]) -> Mail | None:
        webhook: Webhook | None = find_or_none(Webhook, payload["webhook_id"])
        user = User.get_or_none(User.id == payload["user_id"], User.kind == "person")
        if webhook is None or webhook.status != AUTO_DISABLED or user is None:
            return None
        since = webhook.failing_since_at or webhook.disabled_at
        creator: User | None = User.get_or_none(User.id == payload.get("creator_id"))
        by = "Somebody" if creator is None else creator.name
        why = _WHY[payload["reason"]].format(since=to_text(since) if since else "", creator=by)
        called = webhook.description or webhook.id
        text = _TEXT.format(name=user.name, called=called, why=why, url=address_of(app.settings), id=webhook.id)
        return Mail(user.email, f"Webhook disabled: {called}", text, id=context.job_id)

    return mail_job(app.settings.mail, SEND, write)


_TEXT = """Hello {name},

the webhook "{called}" is disabled. {why}

See what was sent to it:

  GET {url}/api/v1/webhooks/{id}/deliveries

Enable it when it is well again, or to take it over; what was on its way is sent then:

  POST {url}/api/v1/webhooks/{id}/toggle
  {{"status": "active"}}
"""
