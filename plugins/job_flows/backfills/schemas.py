"""Requests and responses of backfills."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, ListOf, Object, Text
from aasim_core.schemas.schema import RecordOut, Schema

from ...executions.resources import CostOut
from ..models import BACKFILL_STATUSES, MISSING, ONLY


class BackfillIn(Schema):
    """The past due times to start."""

    since_at = Instant(required=True, description="Due times from then on, inclusive.", example="2026-01-01T00:00:00Z")
    until_at = Instant(allow_none=True, load_default=None, description="Due times before then; null is now.")
    only = Choice(  # type: ignore[assignment]  # marshmallow has an attribute of that name
        *ONLY, load_default=MISSING,
        description="missing: those without a start; failed: those whose last run did not succeed; all: every one.",
    )  # fmt: skip
    dry_run = Boolean(load_default=False, description="Only list them.")


class RangeOut(Schema):
    """The due times to start."""

    since_at = Instant(required=True)
    until_at = Instant(required=True)
    only = Choice(*ONLY, required=True)  # type: ignore[assignment]  # as above
    count = Integer(0, required=True, description="How many runs.")


class PlanOut(RangeOut):
    """What a backfill starts."""

    due_times = ListOf(Instant(), 20, required=True, description="The first of them.")
    estimated_costs = ListOf(
        Object(CostOut),
        required=True,
        description="Average cost of runs of the last 30 days, times their number, in each currency.",
    )
    backfill_id = Id(
        "backfill", allow_none=True, required=True, description="null with dry_run, or if there is nothing to start."
    )


class BackfillOut(RecordOut, RangeOut):
    """The progress of a backfill."""

    id = Id("backfill", required=True)
    flow_id = Id("flow", required=True)
    flow_name = Text(required=True, description="The flow's name at that time.")
    done = Integer(0, required=True, description="Number of due times started or refused.")
    refused = Integer(0, required=True)
    status = Choice(*BACKFILL_STATUSES, required=True)
    created_by = Id("user", required=True)
