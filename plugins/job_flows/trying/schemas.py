"""Requests and responses of simulations."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, ListOf, Object, Text, Word
from aasim_core.schemas.rules import OneOf
from aasim_core.schemas.schema import Schema

from ..schemas import DueOut
from ..timing_schemas import CalendarIn, MisfireIn, OverlapIn, TriggerIn

_DAY = 86_400


class PreviewIn(Schema):
    """A schedule to simulate."""

    trigger = Object(TriggerIn, required=True, example={"type": "cron", "expression": "0 9 * * MON-FRI"})
    calendar = Object(CalendarIn, allow_none=True, load_default=None)
    starts_at = Instant(allow_none=True, load_default=None)
    ends_at = Instant(allow_none=True, load_default=None)
    after_at = Instant(allow_none=True, load_default=None, description="The beginning; null is now.")
    count = Integer(1, 100, load_default=10, description="How many starts.")


class PreviewedOut(DueOut):
    """A due time."""

    local_time = Text(required=True, description="On the trigger's clock.", example="2026-02-02T09:00:00+01:00")
    skipped = Word(allow_none=True, required=True, description="Why nothing starts then; null if something does.")


class PreviewOut(Schema):
    """The due times."""

    due_times = ListOf(Object(PreviewedOut), 1_000, required=True)


class ScheduleIn(Schema):
    """The settings that decide when a flow starts."""

    trigger = Object(TriggerIn, required=True, example={"type": "interval", "seconds": 3_600})
    calendar = Object(CalendarIn, allow_none=True, load_default=None)
    overlap = Object(OverlapIn, load_default=lambda: OverlapIn().load({}))
    misfire = Object(MisfireIn, load_default=lambda: MisfireIn().load({}))
    jitter_seconds = Integer(0, 3_600, load_default=0)
    starts_at = Instant(allow_none=True, load_default=None)
    ends_at = Instant(allow_none=True, load_default=None)


class OutageIn(Schema):
    """A period without workers."""

    since_at = Instant(required=True)
    until_at = Instant(required=True)


class SimulateIn(Schema):
    """The simulation: of a flow, or of a schedule."""

    flow_id = Id("flow", description="A flow.")
    schedule = Object(
        ScheduleIn, description="Or a schedule without a flow.", example={"trigger": {"type": "interval", "seconds": 60}}
    )
    since_at = Instant(required=True, description="Due times after this.", example="2026-03-29T00:00:00Z")
    until_at = Instant(required=True, description="And not later.", example="2026-03-29T01:00:00Z")
    outages = ListOf(Object(OutageIn), 50, load_default=list, description="Periods without workers.")
    run_seconds = Integer(1, 30 * _DAY, load_default=60, description="How long each run takes.")

    rules = (OneOf("flow_id", "schedule"),)


class SimulatedOut(DueOut):
    """The simulated result of a due time."""

    outcome = Choice("started", "skipped", "missed", required=True)
    reason = Word(allow_none=True, required=True, example="overlap")
    count = Integer(1, required=True, description="Number of due times with the same result that this stands for.")
    last_due_at = Instant(allow_none=True, required=True)
    begins_at = Instant(allow_none=True, required=True, description="When the run begins; null if it never does.")
    ends_at = Instant(allow_none=True, required=True)
    is_cancelled = Boolean(required=True, description="Whether a later run replaces it.")


class SimulationOut(Schema):
    """The result of a simulation."""

    firings = ListOf(Object(SimulatedOut), 2_000, required=True)
