"""Background jobs of job flows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peewee import fn

from aasim_core import Job, JobContext
from aasim_core.clock import now
from aasim_core.context import SYSTEM, acting_as
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy.organizations_with import organizations_with

from . import recording, service
from .backfills import running as backfills
from .firings import retention, starting
from .models import PARKED, WAITING, Firing
from .progress import deadlines, flow_health, mails
from .scheduling import due_times, zone_updates

if TYPE_CHECKING:
    from aasim_core.app import App

_MOST_FLOWS = 1_000


def jobs_of(app: "App") -> tuple[Job, ...]:
    """Every job of the plugin."""

    def look(context: JobContext, payload: Mapping[str, Any]) -> None:
        due_times.look(app, context)

    def fire(context: JobContext, payload: Mapping[str, Any]) -> None:
        starting.fire(app, context, payload["firing_ids"])

    def give_up(payload: Mapping[str, Any], reason: str, state: str) -> None:
        starting.give_up(payload["firing_ids"])

    def pause(context: JobContext, payload: Mapping[str, Any]) -> None:
        with app.database.transaction():
            flow_health.pause_failing(payload["flow_id"])

    return (
        Job("job_flows.watch", lambda context, payload: _watch(app), schedule="* * * * *", per_organization=_with_work),
        Job(due_times.LOOK, look, time_limit=120),
        Job(recording.FIRE, fire, on_giving_up=give_up),
        Job(recording.RELEASE, lambda context, payload: starting.release(app, context, payload["flow_id"])),
        Job(backfills.BACKFILL, lambda context, payload: backfills.go_on(app, context, payload["backfill_id"])),
        Job(flow_health.PAUSE, pause),
        mails.send_mail(app),
        Job(service.CLEAR, lambda context, payload: retention.forget(Firing.flow_id == payload["flow_id"], context.should_stop)),
        Job(
            "job_flows.renew",
            lambda context, payload: zone_updates.renew(app),
            schedule="23 * * * *",
            per_organization=zone_updates.with_zones,
        ),
        Job("job_flows.prune", retention.prune(app), time_limit=600, schedule="50 3 * * *"),
    )


def _with_work() -> list[str]:
    """Return the organizations with due, parked or overdue flows, or unfinished backfills."""
    parked = organizations_with(Firing, WAITING, Firing.outcome == PARKED)
    return sorted({*due_times.with_due(), *parked, *backfills.with_backfills(), *deadlines.with_overdue()})


def _watch(app: "App") -> None:
    """Handle unprocessed due times, parked firings, backfills, and missed deadlines."""
    parked: Any = Firing.select(Firing.flow_id).where(WAITING, Firing.outcome == PARKED).group_by(Firing.flow_id)
    parked = parked.order_by(fn.MAX(Firing.updated_at)).limit(_MOST_FLOWS)  # those first that were tried longest ago
    with acting_as(SYSTEM), app.database.transaction():
        due_times.look_at(now())
        backfills.wake_all()
        deadlines.tell_overdue()
        for (flow_id,) in parked.tuples():
            enqueue(recording.RELEASE, {"flow_id": flow_id}, unique_key=flow_id)
