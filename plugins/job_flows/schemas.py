"""What clients write about job flows, and what they get."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Text, Word
from aasim_core.schemas.schema import RecordOut, Schema

from ..executions.resources import Labels
from .kernel.dues import MARKS
from .models import ORIGINS, OUTCOMES, STATUS_REASONS, STATUSES
from .timing_schemas import CalendarIn, MisfireIn, OverlapIn, TriggerIn

_DAY = 86_400
_YEAR = 366 * _DAY
_NAME = Text(1, 120, required=True, description="Unique in the organization.", example="Weekday report")


class TargetIn(Schema):
    """What is started."""

    type = Word(1, 40, required=True, description="A type of objects that can be run, such as agent.", example="agent")
    id = Id(required=True, description="One that you may run.")
    version = Integer(1, allow_none=True, load_default=None, description="Of its definition; null is the active one, each time.")


class TargetOut(TargetIn):
    """What is started, and what it was called when it was chosen."""

    label = Text(required=True, example="Reporter")


class JobFlowIn(Schema):
    """A job flow as a client writes it."""

    name = _NAME
    description = Text(max_length=2_000, multiline=True, load_default="")
    project_id = Id("project", allow_none=True, load_default=None, description="null is the whole organization.")
    target = Object(TargetIn, required=True)
    trigger = Object(TriggerIn, required=True, example={"type": "interval", "seconds": 3_600})
    calendar = Object(CalendarIn, allow_none=True, load_default=None)
    input = Json(
        required=True, max_bytes=65_536, example="What is new since {{ due.at }}?",
        description="What runs are given: any JSON value, with CEL between {{ and }}.",
    )  # fmt: skip
    overlap = Object(OverlapIn, load_default=lambda: OverlapIn().load({}))
    misfire = Object(MisfireIn, load_default=lambda: MisfireIn().load({}))
    jitter_seconds = Integer(
        0, 3_600, load_default=0, description="Runs start up to so much later, always as much for the same due time."
    )
    starts_at = Instant(allow_none=True, load_default=None, description="Nothing is due before; intervals count from here.")
    ends_at = Instant(allow_none=True, load_default=None, description="Nothing is due after.")
    auto_pause_after = Integer(
        1, 1_000, allow_none=True, load_default=5, description="After so many failures in a row it is paused; null is never."
    )
    expect_within_seconds = Integer(
        60, _YEAR, allow_none=True, load_default=None,
        description="Its owner is told when no run has succeeded for so long, also while it is paused; null is never.",
    )  # fmt: skip


class JobFlowOut(RecordOut):
    """A job flow as a client gets it."""

    id = Id("flow", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    project_id = Id("project", allow_none=True, required=True)
    owner_id = Id("user", required=True, description="With whose rights runs start: of who last wrote target or input.")
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
    expected_at = Instant(allow_none=True, required=True, description="Until when a run has to succeed.")
    overdue_at = Instant(allow_none=True, required=True, description="Since when that is overdue.")
    status = Choice(*STATUSES, required=True)
    status_reason = Choice(*STATUS_REASONS, required=True, description="by_hand; or why it was paused by itself.")
    streak = Integer(required=True, description="How many runs in a row succeeded; below zero, how many failed.")
    next_runs = ListOf(
        Instant(), 5, required=True, description="The next times at which something starts, five at most.",
        example=["2026-02-02T08:00:00.000Z"],
    )  # fmt: skip


class NewJobFlowOut(JobFlowOut):
    """A job flow with a new address that starts it, which is shown this once."""

    hook_path = Text(
        allow_none=True,
        required=True,
        example="/hooks/Zk3…",
        description="Where requests are sent to, for the type webhook; else null.",
    )


class StatusIn(Schema):
    """Whether a job flow starts anything."""

    status = Choice(
        *STATUSES, required=True, example="paused",
        description="paused: what comes due is skipped, and the flow says so; disabled: nothing comes due.",
    )  # fmt: skip


class TriggerNowIn(Schema):
    """What one run is given now."""

    input = Json(max_bytes=65_536, description="In place of the flow's own input.")
    force = Boolean(load_default=False, description="Also while the flow is paused or disabled, and whatever overlap says.")
    labels = Labels(load_default=None)


class DueOut(Schema):
    """A due time, and what the change of the clock has done with it."""

    due_at = Instant(required=True)
    marks = ListOf(
        Choice(*MARKS), required=True, example=["after_gap"],
        description="The local time was skipped and came later, or comes twice.",
    )  # fmt: skip


class OutcomeOut(Schema):
    """What became of a due time, or of several that came to nothing alike."""

    outcome = Choice(*OUTCOMES, required=True, description="pending: it is about to start; parked: as soon as that is possible.")
    reason = Word(allow_none=True, required=True, description="Why nothing was started.", example="holiday")
    count = Integer(1, required=True, description="How many due times this stands for.")


class FiringOut(RecordOut, DueOut, OutcomeOut):
    """What became of a due time, or of whatever else made a flow start something."""

    id = Id("firing", required=True)
    flow_id = Id("flow", required=True)
    origin = Choice(*ORIGINS, required=True)
    starts_at = Instant(required=True, description="With what jitter_seconds has added.")
    explanation = Text(max_length=500, multiline=True, allow_none=True, required=True)
    execution_id = Id("exec", allow_none=True, required=True)
    lateness_ms = Integer(0, allow_none=True, required=True, description="How much later than meant the run was queued.")
    last_due_at = Instant(allow_none=True, required=True, description="The last of those that this stands for.")
    backfill_id = Id("backfill", allow_none=True, required=True, description="The backfill that it belongs to.")


class StatsQuery(Schema):
    """Of which time."""

    since_at = Instant(description="From when on; thirty days ago if it is left out.")


class MoneyOut(Schema):
    """An amount of money."""

    currency = Text(allow_none=True, required=True, example="USD")
    cost = Integer(required=True, description="Micro-units.")


class StatsOut(Schema):
    """How a job flow does."""

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
    not_started = ListOf(Object(OutcomeOut), required=True, description="What came to nothing, by reason.")
    lateness_p95_ms = Integer(
        0,
        allow_none=True,
        required=True,
        description="95 of 100 runs were queued no later than so after the time that was meant.",
    )
    costs = ListOf(Object(MoneyOut), required=True, description="Of the runs, in each currency.")
    streak = Integer(required=True, description="How many runs in a row succeeded; below zero, how many failed.")
    last_success_at = Instant(allow_none=True, required=True, description="When a run last succeeded in that time.")
