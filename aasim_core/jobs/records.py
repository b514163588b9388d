"""The job table, the single source of truth about background work, and the due times of schedules."""

import peewee
from peewee import SQL

from ..data.fields import IdField, InstantField, JsonField
from ..data.records import Row

QUEUED, RUNNING, DONE = "queued", "running", "done"
FAILED, DEAD, PARKED, CANCELLED = "failed", "dead", "parked", "cancelled"
STATES = (QUEUED, RUNNING, DONE, FAILED, DEAD, PARKED, CANCELLED)

# The conditions of the partial indexes. Planners compare them with a query's text, so queries repeat them as literals.
READY = SQL("state = 'queued' AND NOT delayed")
# `crash_count` is never negative: it is named so that PostgreSQL uses the index only for what asks by time alone.
RECENT = SQL("state = 'queued' AND NOT delayed AND crash_count >= 0")
DELAYED = SQL("state = 'queued' AND delayed")
LEASED = SQL("state = 'running'")
UNIQUE = SQL("state IN ('queued', 'parked') AND unique_key IS NOT NULL")
ENDED = SQL("state IN ('done', 'cancelled')")
STUCK = SQL("state IN ('failed', 'dead', 'parked')")


class JobRow(Row):
    """One job.

    ``failed``: its last attempt raised. ``dead``: it crashed its worker, or lost it, three times. ``parked``: its plugin is disabled. A
    queued job is `delayed` until its `run_at` has come. The system's own jobs have the organization ``*``, which no tenant's scope shows.
    `last_write` names the last write under the lease, see `Lease.mark`.
    """

    id = IdField(primary_key=True)
    organization_id = IdField()
    name = peewee.TextField()
    plugin = peewee.TextField()
    payload = JsonField()
    state = peewee.TextField(default=QUEUED)
    delayed = peewee.BooleanField(default=False)
    run_at = InstantField()
    priority = peewee.BigIntegerField(default=0)
    attempt = peewee.BigIntegerField(default=0)
    max_attempts = peewee.BigIntegerField()
    crash_count = peewee.BigIntegerField(default=0)
    unique_key = peewee.TextField(null=True)
    lease_owner = peewee.TextField(null=True)
    lease_token = peewee.TextField(null=True)
    heartbeat_at = InstantField(null=True)
    error = peewee.TextField(null=True)
    request_id = peewee.TextField(null=True)
    actor = JsonField()
    created_at = InstantField()
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)
    traceparent = peewee.TextField(null=True)
    last_write = peewee.TextField(null=True)

    class Meta:
        table_name = "core_job"
        internal = True
        id_prefix = "job"
        indexes = (
            peewee.Index("core_job_ready", "core_job", [SQL("organization_id, priority DESC, run_at, id")], where=READY),
            peewee.Index("core_job_recent", "core_job", [SQL("run_at, id")], where=RECENT),
            peewee.Index("core_job_delayed", "core_job", [SQL("run_at")], where=DELAYED),
            peewee.Index("core_job_leased", "core_job", [SQL("organization_id, name, unique_key")], unique=True, where=LEASED),
            peewee.Index("core_job_unique", "core_job", [SQL("organization_id, name, unique_key")], unique=True, where=UNIQUE),
            peewee.Index("core_job_ended", "core_job", [SQL("finished_at")], where=ENDED),
            peewee.Index("core_job_stuck", "core_job", [SQL("state, id")], where=STUCK),
        )


class ScheduleTick(Row):
    """One due time of one schedule, written by the first ticker that reached it."""

    schedule = peewee.TextField()
    due_at = InstantField()

    class Meta:
        table_name = "core_schedule_tick"
        primary_key = peewee.CompositeKey("schedule", "due_at")


RECORDS = (JobRow, ScheduleTick)
