"""The invitation mail."""

from collections.abc import Mapping
from typing import Any

from aasim_core import App, Job, JobContext
from aasim_core.identity import invitations
from aasim_core.outbound.links import steps
from aasim_core.outbound.mail import Mail, address_of
from aasim_core.outbound.mail_jobs import mail_job
from aasim_core.tenancy.records import Organization, User


def send_invitation(app: App) -> Job:
    """The job that makes a link and sends it; a link that was sent before is no good then."""

    def write(context: JobContext, payload: Mapping[str, Any]) -> Mail | None:
        with app.database.transaction():
            renewed = invitations.renew(payload["user_id"])
        if renewed is None:
            return None
        invitation, token = renewed
        inviter: User | None = User.get_or_none(User.id == invitation.invited_by)
        organization = Organization.get_by_id(invitation.organization_id)
        url = address_of(app.settings)
        call = _CALL.format(name=invitation.name, email=invitation.email, url=url, token=token)
        how = steps(app.settings.mail.link_template, "invitation", id=payload["user_id"], token=token, otherwise=call)
        text = _TEXT.format(
            name=invitation.name, inviter=inviter.name if inviter is not None else "Somebody", organization=organization.name,
            url=url, email=invitation.email, steps=how,
            hours=int(invitations.LIFETIME.total_seconds() // 3600),
        )  # fmt: skip
        return Mail(invitation.email, f"Invitation to {organization.name}", text, id=context.job_id)

    return mail_job(app.settings.mail, "users.send_invitation", write)


_TEXT = """Hello {name},

{inviter} invites you to the organization "{organization}" at {url}.
The invitation is good for {hours} hours, once, and for {email} only.

{steps}
If you do not know what this is about, do nothing.
"""

_CALL = """If you have no account there yet, send this to make one:

  POST {url}/api/v1/auth/register
  {{"name": "{name}", "email": "{email}", "password": "<your password>",
   "invitation_token": "{token}"}}

If you have one, log in and send:

  POST {url}/api/v1/auth/accept-invitation
  {{"invitation_token": "{token}"}}
"""
