"""Erase a deleted organization: the second, irreversible step of its deletion."""

from typing import TYPE_CHECKING

import structlog

from aasim_core import App, Job
from aasim_core.clock import now
from aasim_core.data.tenant_rows import erase_rows
from aasim_core.identity.accounts import erase_homeless
from aasim_core.tenancy.records import CLOSING, Membership, Organization

if TYPE_CHECKING:
    from aasim_core.jobs import JobContext

_log = structlog.get_logger("aasim.organizations")


def job(app: App) -> Job:
    """The job that erases what cannot be restored any more."""
    return Job("organizations.erase", lambda context, payload: erase_due(app, context), schedule="17 * * * *", time_limit=3_000)


def erase_due(app: App, context: "JobContext") -> None:
    """Erase each organization whose grace period is over; the rest is erased next time if the worker stops."""
    due = Organization.select(Organization.id).where(Organization.status == CLOSING, Organization.delete_at <= now())
    for organization_id in [organization.id for organization in due]:
        if not _erase(app, context, organization_id):
            return
        _log.info("an organization is erased", organization_id=organization_id)


def _erase(app: App, context: "JobContext", organization_id: str) -> bool:
    """Erase everything, the memberships and the organization itself last; False when it had to stop."""
    if not erase_rows(app.database, organization_id, but=(Membership._meta.table_name,), should_stop=context.should_stop):
        return False
    with app.database.transaction():
        members = Membership.select(Membership.user_id).where(Membership.organization_id == organization_id)
        user_ids = [each.user_id for each in members]
        Membership.delete().where(Membership.organization_id == organization_id).execute()
        erase_homeless(user_ids)
        Organization.delete().where(Organization.id == organization_id).execute()
    return True
