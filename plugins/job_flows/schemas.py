"""Requests and responses of job flows."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Text, Word
from aasim_core.schemas.schema import RecordOut, Schema

from ..executions.resources import CostOut, Labels
from .kernel.due_time import MARKS
from .models import ORIGINS, OUTCOMES, REFUSED, SKIPPED, STATUS_REASONS, STATUSES
from .timing_schemas import CalendarIn, MisfireIn, OverlapIn, TriggerIn

_DAY = 86_400
_YEAR = 366 * _DAY
_NAME = Text(1, 120, required=True, description="Unique in the organization.", example="Weekday report")


class TargetIn(Schema):
    """The target."""

    type = Word(1, 40, required=True, description="A type of runnable object, such as agent.", example="agent")
    id = Id(required=True, description="One that you may run.")
    version = Integer(
        1, allow_none=True, load_default=None, description="Of its definition; null is the active one at each start."
    )


class TargetOut(TargetIn):
    """The target, and its name when it was chosen."""

    label = Text(required=True, example="Reporter")


class JobFlowIn(Schema):
    """A job flow in a request."""

    name = _NAME
    description = Text(max_length=2_000, multiline=True, load_default="")
    project_id = Id("project", allow_none=True, load_default=None, description="null is the whole organization.")
    target = Object(TargetIn, required=True)
    trigger = Object(TriggerIn, required=True, example={"type": "interval", "seconds": 3_600})
    calendar = Object(CalendarIn, allow_none=True, load_default=None)
    input = Json(
        required=True, max_bytes=65_536, example="What is new since {{ due.at }}?",
        description="The input of runs: any JSON value other than null, with CEL between {{ and }}.",
    )  # fmt: skip
    overlap = Object(
        OverlapIn, allow_none=True, load_default=None,
        description="If it is left out, what events and requests bring is queued, and due times skip.",
    )  # fmt: skip
    misfire = Object(MisfireIn, load_default=lambda: MisfireIn().load({}))
    jitter_seconds = Integer(0, 3_600, load_default=0, description="Maximum random delay of a start; constant for a due time.")
    starts_at = Instant(allow_none=True, load_default=None, description="Beginning of the schedule; intervals count from here.")
    ends_at = Instant(allow_none=True, load_default=None, description="End of the schedule.")
    auto_pause_after = Integer(
        1,
        1_000,
        allow_none=True,
        load_default=5,
        description="Number of consecutive failures after which it is paused; null is never.",
    )
    expect_within_seconds = Integer(
        60, _YEAR, allow_none=True, load_default=None,
        description="Time without a successful run after which its owner is notified, even while it is paused; null is never.",
    )  # fmt: skip


class JobFlowOut(RecordOut):
    """A job flow in a response."""

    id = Id("flow", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    project_id = Id("project", allow_none=True, required=True)
    owner_id = Id("user", required=True, description="Whose rights runs have: the last author of what they are, or are given.")
    target = Object(TargetOut, required=True)
    trigger = Object(TriggerIn, required=True, example={"type": "interval", "seconds": 3_600})
    calendar = Object(CalendarIn, allow_none=True, required=True)
    input = Json(required=True)
    overlap = Object(OverlapIn, required=True)
    misfire = Object(MisfireIn, required=True)
    jitter_seconds = Integer(0, required=True)
    starts_at = Instant(allow_none=True, required=True)
    ends_at = Instant(allow_none=True, required=True)
    auto_pause_after = Integer(1, allow_none=True, required=True)
    expect_within_seconds = Integer(60, allow_none=True, required=True)
    expected_at = Instant(allow_none=True, required=True, description="Deadline for a successful run.")
    overdue_at = Instant(allow_none=True, required=True, description="Since when it is overdue.")
    status = Choice(*STATUSES, required=True)
    status_reason = Choice(*STATUS_REASONS, required=True, description="by_hand, or why it was paused automatically.")
    streak = Integer(required=True, description="Number of consecutive successful runs; negative for failures.")
    next_runs = ListOf(
        Instant(), 5, required=True, description="The next starts, at most five.",
        example=["2026-02-02T08:00:00.000Z"],
    )  # fmt: skip


class NewJobFlowOut(JobFlowOut):
    """A job flow with a new address that starts it, shown only once."""

    hook_path = Text(
        allow_none=True,
        required=True,
        example="/hooks/Zk3…",
        description="The address for requests, for the type webhook; otherwise null.",
    )


class StatusIn(Schema):
    """The status of a job flow."""

    status = Choice(
        *STATUSES, required=True, example="paused",
        description="paused: due times are skipped and recorded; disabled: there are no due times.",
    )  # fmt: skip


class TriggerNowIn(Schema):
    """The input of one run."""

    input = Json(max_bytes=65_536, description="Replaces the flow's own input.")
    force = Boolean(load_default=False, description="Also while the flow is paused or disabled, and regardless of overlap.")
    labels = Labels(load_default=None)


class DueOut(Schema):
    """A due time, and the effect of clock changes on it."""

    due_at = Instant(required=True)
    marks = ListOf(
        Choice(*MARKS), required=True, example=["after_gap"],
        description="The local time was skipped and shifted, or occurs twice.",
    )  # fmt: skip


class OutcomeOut(Schema):
    """The result of a due time, or of several with the same result."""

    outcome = Choice(*OUTCOMES, required=True, description="pending: about to start; parked: waits until that is possible.")
    reason = Word(allow_none=True, required=True, description="Why nothing was started.", example="holiday")
    count = Integer(1, required=True, description="Number of due times that this stands for.")


class FiringOut(RecordOut, DueOut, OutcomeOut):
    """The result of a due time or another trigger of a flow."""

    id = Id("firing", required=True)
    flow_id = Id("flow", required=True)
    origin = Choice(*ORIGINS, required=True)
    starts_at = Instant(required=True, description="Including jitter_seconds.")
    explanation = Text(max_length=500, multiline=True, allow_none=True, required=True)
    execution_id = Id("exec", allow_none=True, required=True)
    lateness_ms = Integer(0, allow_none=True, required=True, description="How much later than intended the run was queued.")
    last_due_at = Instant(allow_none=True, required=True, description="The last of those that this stands for.")
    backfill_id = Id("backfill", allow_none=True, required=True, description="The backfill that it belongs to.")


class WholeFiringOut(FiringOut):
    """The result of a due time or another trigger, with what came with it."""

    payload = Json(
        allow_none=True, required=True, example={"body": {"order": {"id": 7}}, "headers": {"content-type": "application/json"}},
        description="The event, or the body and headers of the request, unless it was started; it needs the permission executions:read.",
    )  # fmt: skip


class StartAgainIn(Schema):
    """Which firings are started again: those that are skipped or refused, unless it is said otherwise."""

    outcome = Choice(SKIPPED, REFUSED, description="Only those.")
    reason = Word(1, 40, description="Only those for this reason.", example="overlap")
    since_at = Instant(description="Only those that came then or later.")
    until_at = Instant(description="Only those that came before.")
    dry_run = Boolean(load_default=False, description="Only count them.")


class StartedAgainOut(Schema):
    """How many firings are started again."""

    count = Integer(0, required=True, description="How many: the oldest, at most 1,000.")
    has_more = Boolean(required=True, description="Whether there are more, for another request.")


class StatsQuery(Schema):
    """The period."""

    since_at = Instant(description="The beginning; by default thirty days ago.")


class StatsOut(Schema):
    """The health of a job flow."""

    flow_name = Text(required=True)
    since_at = Instant(required=True)
    runs = Integer(0, required=True, description="How many were started.")
    succeeded = Integer(0, required=True)
    failed = Integer(0, required=True, description="And timed out.")
    cancelled = Integer(0, required=True)
    going_on = Integer(0, required=True)
    success_rate = Number(
        0, 1, allow_none=True, required=True, description="Of those that succeeded or failed; null without any."
    )
    not_started = ListOf(Object(OutcomeOut), required=True, description="Due times without a start, by reason.")
    lateness_p95_ms = Integer(
        0, allow_none=True, required=True, description="95 % of runs were queued within this time after the intended one."
    )
    costs = ListOf(Object(CostOut), required=True, description="Of the runs, in each currency.")
    streak = Integer(required=True, description="Number of consecutive successful runs; negative for failures.")
    last_success_at = Instant(allow_none=True, required=True, description="When a run last succeeded in that time.")
