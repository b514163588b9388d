"""The retention of a flow's firings; those of a deleted flow are deleted at once."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aasim_core import JobContext, OrganizationSetting
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.schemas.fields import Integer
from aasim_core.tenancy.organizations_with import organizations_with

from ..models import DONE, Backfill, Firing

if TYPE_CHECKING:
    from aasim_core.app import App

_LEAST_DAYS, _AT_ONCE = 1, 500
SETTINGS = (
    OrganizationSetting(
        "firing_days", Integer(_LEAST_DAYS, 3650, load_default=90, description="How many days results of due times are retained.")
    ),
)


def prune(app: "App") -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that deletes expired firings in every organization."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        youngest = now() - timedelta(days=_LEAST_DAYS)
        for organization_id in organizations_with(Firing, Firing.created_at < youngest):
            with organization_scope(organization_id):
                days = app.organization_settings.of(organization_id, "job_flows")["firing_days"]
                before = now() - timedelta(days=days)
                forget(Firing.created_at < before, context.should_stop)
                Backfill.delete().where(Backfill.created_at < before, Backfill.status == DONE).execute()

    return run


def forget(condition: Any, should_stop: Callable[[], bool]) -> None:
    """Delete the firings in scope that meet the condition, some at a time."""
    while not should_stop():
        some = Firing.select(Firing.id).where(condition).limit(_AT_ONCE)
        with database_of(Firing).transaction():
            gone = Firing.delete().where(Firing.id.in_([row.id for row in some])).execute()
        if gone < _AT_ONCE:
            return
