"""Operator actions on jobs: list them, retry failed ones, discard or cancel. Each call needs a system scope."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from peewee import SQL, fn

from ..clock import now
from ..data.records import database_of
from ..errors import Refused, not_found
from .records import CANCELLED, DEAD, FAILED, PARKED, QUEUED, READY, RUNNING, STATES, STUCK, JobRow

_OVER = (FAILED, DEAD, CANCELLED)


def find_jobs(
    state: str | None = None, name: str | None = None, organization_id: str | None = None, limit: int = 50
) -> list[JobRow]:
    """Return the latest jobs, newest first; `name` may be a plugin's, for its own jobs and those that run for it.

    Refused ``invalid_choice`` for an unknown state.
    """
    if state not in (None, *STATES):
        raise Refused("invalid_choice", f"There is no state {state!r}; use one of {', '.join(STATES)}.", field="state")
    query = JobRow.select()
    if state is not None:
        query = query.where(JobRow.state == state)
    if state in (FAILED, DEAD, PARKED):
        query = query.where(STUCK)
    if name is not None:
        query = query.where((JobRow.name == name) | (JobRow.plugin == name) | JobRow.name.startswith(f"{name}."))
    if organization_id is not None:
        query = query.where(JobRow.organization_id == organization_id)
    return list(query.order_by(JobRow.id.desc()).limit(limit))


def count_jobs() -> Mapping[str, int]:
    """Count the jobs per state, omitting states without jobs."""
    query: Any = JobRow.select(JobRow.state, fn.COUNT(JobRow.id)).group_by(JobRow.state)
    return dict(query.tuples())


def count_waiting() -> Mapping[str, int]:
    """Count by name the jobs that are queued, delayed, or were running when their worker ended."""
    query: Any = JobRow.select(JobRow.name, fn.COUNT(JobRow.id)).where(JobRow.state.in_((QUEUED, RUNNING)))
    return dict(query.group_by(JobRow.name).order_by(JobRow.name).tuples())


def count_stuck() -> Mapping[str, int]:
    """Count the failed, dead and parked jobs, without scanning the others."""
    query: Any = JobRow.select(JobRow.state, fn.COUNT(SQL("*"))).where(STUCK).group_by(JobRow.state)
    return {FAILED: 0, DEAD: 0, PARKED: 0, **dict(query.tuples())}


def count_known(job_ids: Sequence[str]) -> int:
    """Count these jobs."""
    return sum(JobRow.select().where(JobRow.id == job_id).exists() for job_id in job_ids)


def oldest_ready() -> datetime | None:
    """Return since when the oldest ready job has been waiting."""
    oldest: datetime | None = JobRow.select(fn.MIN(JobRow.run_at).converter(JobRow.run_at.python_value)).where(READY).scalar()
    return oldest


def ready_of_others(known: Collection[str]) -> Mapping[str, int]:
    """Count the ready jobs whose name is not `known`, by name."""
    query: Any = JobRow.select(JobRow.name, fn.COUNT(JobRow.id)).where(READY, JobRow.name.not_in(known)).group_by(JobRow.name)
    return dict(query.tuples())


def find_job(job_id: str) -> JobRow:
    """Return the job of that id; raises the uniform 404."""
    job: JobRow | None = JobRow.get_or_none(JobRow.id == job_id)
    if job is None:
        raise not_found()
    return job


def retry(job_id: str) -> JobRow:
    """Requeue a job that ended without success, as if it were new; Refused ``invalid_state`` for any other."""
    fresh = {
        "state": QUEUED,
        "delayed": False,
        "run_at": now(),
        "attempt": 0,
        "crash_count": 0,
        "error": None,
        "finished_at": None,
    }
    _change(job_id, _OVER, fresh, "Only a job that failed, died or was cancelled can be tried again")
    return find_job(job_id)


def cancel(job_id: str) -> JobRow:
    """Cancel a job that has not ended; a running one is told to stop, and can write nothing more. Refused ``invalid_state`` otherwise."""
    changes = {"state": CANCELLED, "finished_at": now(), "error": "it was cancelled"}
    _change(job_id, (QUEUED, RUNNING, PARKED), changes, "Only a job that is not over can be cancelled")
    return find_job(job_id)


def discard(job_id: str) -> None:
    """Delete a job that will not run again; Refused ``invalid_state`` for one that waits, runs or is done."""
    with database_of(JobRow).transaction():
        deleted = JobRow.delete().where((JobRow.id == job_id) & JobRow.state.in_((*_OVER, PARKED))).execute()
    if not deleted:
        raise _refused(job_id, "Only a job that failed, died, was cancelled or is parked can be discarded")


def _change(job_id: str, states: Sequence[str], changes: Mapping[str, Any], rule: str) -> None:
    with database_of(JobRow).transaction():
        changed = JobRow.update(changes).where((JobRow.id == job_id) & JobRow.state.in_(states)).execute()
    if not changed:
        raise _refused(job_id, rule)


def _refused(job_id: str, rule: str) -> Refused:
    state = find_job(job_id).state
    return Refused("invalid_state", f"{rule}; this one is {state}.", meta={"state": state})
