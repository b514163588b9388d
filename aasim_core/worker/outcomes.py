"""End a job that did not end by itself: retry it, give up, or mark it dead."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from ..clock import now
from ..context import EVERY_ORGANIZATION, acting_as, organization_scope, system_scope
from ..data.faults import fault_of
from ..jobs.errors import LeaseLost
from ..jobs.lease import Lease
from ..jobs.leases import CRASHES_UNTIL_DEAD, Leases
from ..jobs.records import DEAD, FAILED
from ..plugins.containment import PluginFault
from ..plugins.failures import line_of
from .job_availability import JobFeatures

if TYPE_CHECKING:
    from ..app import App

_log = structlog.get_logger("aasim.jobs")


@contextmanager
def scope_of(lease: Lease) -> Iterator[None]:
    """The scope, the actor and the trace in which a job runs: those in which it was enqueued."""
    whole = lease.organization_id == EVERY_ORGANIZATION
    scope = system_scope("do a job of the system") if whole else organization_scope(lease.organization_id)
    with scope, acting_as(lease.acting(), lease.request_id, lease.traceparent):
        yield


def failed(app: "App", leases: Leases, lease: Lease, reason: str, *, may_retry: bool = True) -> None:
    """Handle an exception of the job's function: retry later, or give up."""
    job = app.jobs[lease.name]
    if not may_retry or lease.attempt >= lease.max_attempts:
        _give_up(app, leases, lease, FAILED, reason)
        return
    seconds = job.retry.delay(lease.attempt)
    leases.retry(lease, now() + timedelta(seconds=seconds), reason)
    _log.warning("a job failed and will be tried again", **facts(lease), reason=reason, seconds=round(seconds, 1))


def crashed(app: "App", leases: Leases, lease: Lease, reason: str) -> None:
    """Handle the loss of the job's worker: requeue it, unless it has crashed too many.

    For a kind that this version does not know, a worker that knows it decides.
    """
    count = lease.crash_count + 1
    told = f"{reason}; that was crash {count} of {CRASHES_UNTIL_DEAD}"
    if count >= CRASHES_UNTIL_DEAD and JobFeatures(app).is_known(lease.name, lease.plugin):
        _give_up(app, leases, lease, DEAD, told)
    else:
        leases.requeue_crashed(lease, told)
        _log.warning("a job lost its worker and will be done again", **facts(lease), reason=told)


def _give_up(app: "App", leases: Leases, lease: Lease, state: str, reason: str) -> None:
    job = app.jobs.get(lease.name)
    told = job.on_giving_up if job else None
    try:
        with leases.database.transaction():
            leases.give_up(lease, state, reason)
            if told is not None:
                with scope_of(lease):
                    told(lease.read_payload(), reason, state)
    except LeaseLost:
        raise
    except Exception as error:
        if fault_of(error) is not None:
            raise
        # The job must end even if its owner's callback fails.
        _log.error("on_giving_up of a job failed", **facts(lease), exc_info=True)
        leases.give_up(lease, state, reason)
    _log.error("a job was given up", **facts(lease), state=state, reason=reason)


def explain(app: "App", lease: Lease, error: BaseException) -> str:
    """Return the error in one line, with the last line of the job's plugin that led to it, or else where it was raised."""
    if isinstance(error, PluginFault) and error.__cause__ is not None:
        error = error.__cause__
    file = next((plugin.module.__file__ for plugin in app.plugins.on if plugin.name == lease.plugin), None)
    frames = traceback.extract_tb(error.__traceback__)
    place = line_of(error, Path(file)) if file else None
    if place is None and frames:
        place = f"{'/'.join(Path(frames[-1].filename).parts[-3:])}:{frames[-1].lineno}"
    return f"{type(error).__name__}: {error}{f' ({place})' if place else ''}"


def facts(lease: Lease) -> dict[str, object]:
    """Return the fields of a log line about a job."""
    owner = None if lease.organization_id == EVERY_ORGANIZATION else lease.organization_id
    return {"job": lease.name, "job_id": lease.job_id, "plugin": lease.plugin, "attempt": lease.attempt, "organization_id": owner}
