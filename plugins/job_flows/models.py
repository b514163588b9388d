"""The records of job flows: flows, firings, and backfills."""

from typing import Any

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import DigestField, IdField, InstantField, JsonField, SealedField
from aasim_core.data.records import change
from aasim_core.events.log import emit

STATUSES = ACTIVE, PAUSED, DISABLED = ("active", "paused", "disabled")
_EVENTS = {ACTIVE: "job_flows.activated", PAUSED: "job_flows.paused", DISABLED: "job_flows.disabled"}
#: Why a flow has the status that it has.
STATUS_REASONS = BY_HAND, FAILING, NO_TIME_ZONE, HANDED_OVER = ("by_hand", "failing", "no_such_time_zone", "handed_over")
TRIGGERS = CRON, INTERVAL, ONCE, EVENT, WEBHOOK, MANUAL = ("cron", "interval", "once", "event", "webhook", "manual")
#: Those whose firings come with input of their own.
BRING_INPUT = (EVENT, WEBHOOK)
#: What made a firing.
ORIGINS = BY_SCHEDULE, BY_EVENT, BY_HOOK, BY_PERSON, BY_BACKFILL = ("schedule", "event", "webhook", "manual", "backfill")
#: The results of a firing. Pending: about to start; parked: starts when its obstacle is gone.
OUTCOMES = PENDING, STARTED, SKIPPED, MISSED, REFUSED, PARKED = (
    "pending", "started", "skipped", "missed", "refused", "parked"
)  # fmt: skip

#: What a backfill starts, and how it goes.
ONLY = MISSING, FAILED_ONLY, ALL = ("missing", "failed", "all")
BACKFILL_STATUSES = RUNNING, DONE = ("running", "done")

_FLOW, _FIRING, _BACKFILL = "job_flows_flow", "job_flows_firing", "job_flows_backfill"
# The conditions of partial indexes. Planners compare them with a query's text, so queries repeat them as literals.
SCHEDULED = peewee.SQL("next_due_at IS NOT NULL")
LISTENING = peewee.SQL("listens_to IS NOT NULL")
EXPECTING = peewee.SQL("expected_at IS NOT NULL")
WAITING = peewee.SQL("outcome IN ('pending', 'parked')")
WITH_RUN = peewee.SQL("execution_id IS NOT NULL")
CAUSED = peewee.SQL("root_id IS NOT NULL")
OF_BACKFILL = peewee.SQL("backfill_id IS NOT NULL")
GOING_ON = peewee.SQL("status = 'running'")


class JobFlow(TenantRecord):
    """What is started, and when. `target_version` None is the active one.

    `trigger`, `calendar`, `overlap` and `misfire` are as clients write them. What starts acts with the rights that its owner has then, or
    the API key that the owner has written it with. All due times up to `treated_until` have a firing or were counted with one;
    `next_due_at` is the first one after. The columns from there on change without a new version. `zone_digest` is of the rules of the
    `timezone` by which that was found. `streak` counts the runs since the last change between success and failure, below zero for
    failures. A success is expected until `expected_at`; since `overdue_at` it is overdue.

    `listens_to` is the pattern of a trigger by events. What is sent to the address whose token has the `hook_digest` is verified with the
    `secret`.
    """

    name = peewee.TextField()
    description = peewee.TextField(default="")
    project_id = IdField(null=True)
    owner_id = IdField()
    api_key_id = IdField(null=True)
    target_type = peewee.TextField()
    target_id = IdField()
    target_version = peewee.BigIntegerField(null=True)
    target_label = peewee.TextField()
    trigger = JsonField()
    calendar = JsonField(null=True)
    input = JsonField()
    overlap = JsonField(default=lambda: {"policy": "skip", "max": 10})
    misfire = JsonField()
    jitter_seconds = peewee.BigIntegerField(default=0)
    starts_at = InstantField(null=True)
    ends_at = InstantField(null=True)
    auto_pause_after = peewee.BigIntegerField(null=True)
    expect_within_seconds = peewee.BigIntegerField(null=True)
    listens_to = peewee.TextField(null=True)
    hook_digest = DigestField(null=True)
    secret = SealedField(null=True)
    status = peewee.TextField(default=ACTIVE)
    status_reason = peewee.TextField(default=BY_HAND)
    treated_until = InstantField()
    next_due_at = InstantField(null=True)
    timezone = peewee.TextField(null=True)
    zone_digest = peewee.TextField(null=True)
    streak = peewee.BigIntegerField(default=0)
    expected_at = InstantField(null=True)
    overdue_at = InstantField(null=True)

    class Meta:
        table_name = _FLOW
        id_prefix = "flow"
        references = {"project_id": "project", "owner_id": "user"}  # noqa: RUF012 - peewee's Meta is read once
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name"), True),
            (("organization_id", "target_id"), False),
            peewee.Index("job_flows_flow_due", _FLOW, [peewee.SQL("organization_id, next_due_at, id")], where=SCHEDULED),
            peewee.Index("job_flows_flow_listening", _FLOW, [peewee.SQL("organization_id, id")], where=LISTENING),
            peewee.Index("job_flows_flow_expecting", _FLOW, [peewee.SQL("organization_id, expected_at")], where=EXPECTING),
            (("hook_digest",), True),
        )

    @classmethod
    def hand_over(cls, owner_id: str, successor_id: str) -> int:
        """Make the successor the owner, and pause what is active, since its runs would have the successor's rights; returns how many."""
        flows = list(cls.select().where(cls.owner_id == owner_id))
        for flow in flows:
            status = PAUSED if flow.status == ACTIVE else flow.status
            flow.write_status(status, HANDED_OVER, owner_id=successor_id, api_key_id=None)
        return len(flows)

    def write_status(self, status: str, reason: str, **columns: Any) -> None:
        """Write the status and what changes with it, with the event of it. Needs a transaction."""
        before = self.status
        changed = change(self, {"status": status, "status_reason": reason, **columns})
        if before != status:
            taken_over = {name: each for name, each in changed.items() if name == "owner_id"}
            emit(_EVENTS[status], self, data={"reason": reason}, changes=taken_over)

    @property
    def target(self) -> dict[str, Any]:
        """What is started, as clients write it."""
        return {"type": self.target_type, "id": self.target_id, "version": self.target_version}


class Firing(TenantRecord):
    """What became of a due time, or of whatever else made a flow start something; `key` is unique for each flow.

    `count` equal due times that follow each other are one row, the last of them due at `last_due_at`. `lateness_ms` is how much later
    than meant the run was queued. `payload` is what came with an event or a request, as long as nothing has started; `chain` are the
    flows that have led to this one, the first one first; `root_id` is the event or the firing with which that began.
    """

    flow_id = IdField()
    key = peewee.TextField()
    origin = peewee.TextField(default=BY_SCHEDULE)
    due_at = InstantField()
    starts_at = InstantField()
    marks = JsonField(default=list)
    outcome = peewee.TextField(default=PENDING)
    reason = peewee.TextField(null=True)
    explanation = peewee.TextField(null=True)
    execution_id = IdField(null=True)
    lateness_ms = peewee.BigIntegerField(null=True)
    count = peewee.BigIntegerField(default=1)
    last_due_at = InstantField(null=True)
    backfill_id = IdField(null=True)
    payload = JsonField(null=True)
    chain = JsonField(default=list)
    root_id = peewee.TextField(null=True)

    class Meta:
        table_name = _FIRING
        id_prefix = "firing"
        label = "key"
        indexes = (
            (("organization_id", "flow_id", "key"), True),
            (("organization_id", "flow_id", "due_at", "id"), False),
            peewee.Index("job_flows_firing_waiting", _FIRING, [peewee.SQL("organization_id, flow_id, due_at")], where=WAITING),
            peewee.Index("job_flows_firing_run", _FIRING, [peewee.SQL("organization_id, execution_id")], where=WITH_RUN),
            peewee.Index(
                "job_flows_firing_backfill", _FIRING, [peewee.SQL("organization_id, backfill_id, due_at")], where=OF_BACKFILL
            ),
            peewee.Index("job_flows_firing_root", _FIRING, [peewee.SQL("root_id")], where=CAUSED),
            (("created_at",), False),
        )


class Backfill(TenantRecord):
    """Starts for due times of the past that somebody has asked for: `only` those that are missing, that have failed, or all.

    Of `count` firings `done` were started or refused. `flow_name` is what the flow was called then.
    """

    flow_id = IdField()
    flow_name = peewee.TextField()
    since_at = InstantField()
    until_at = InstantField()
    only = peewee.TextField()
    count = peewee.BigIntegerField()
    done = peewee.BigIntegerField(default=0)
    refused = peewee.BigIntegerField(default=0)
    status = peewee.TextField(default=RUNNING)
    created_by = IdField()

    class Meta:
        table_name = _BACKFILL
        id_prefix = "backfill"
        label = "flow_name"
        indexes = (
            (("organization_id", "flow_id", "created_at", "id"), False),
            peewee.Index("job_flows_backfill_running", _BACKFILL, [peewee.SQL("organization_id")], where=GOING_ON),
        )
