"""Requests and responses of analytics."""

from typing import Any

from aasim_core.lists.query import Parameters
from aasim_core.schemas.fields import Choice, Id, Instant, Integer, ListOf, Number, Object, Text, Timezone
from aasim_core.schemas.schema import Schema

from .periods import DAY, INTERVALS
from .rollups.views import GROUPS

MOST_GROUPS = 2


def span_query() -> dict[str, Any]:
    """The parameters of a time range."""
    told = {
        "from": "Beginning, at a full quarter of an hour; by default a week before the end.",
        "to": "End, exclusive; now by default.",
    }
    return {name: Instant(description=text, example="2026-01-01T00:00:00Z") for name, text in told.items()}


def query(*, interval: str = DAY, group_by: tuple[str, ...] = ()) -> Parameters:
    """The parameters of an operation, with its defaults."""
    default: dict[str, Any] = {"load_default": group_by} if group_by else {}
    return Parameters(
        {
            **span_query(),
            "interval": Choice(*INTERVALS, load_default=interval, description="The interval of a row; total: the whole range."),
            "timezone": Timezone(description="Time zone of the intervals; the organization's own by default.", example="UTC"),
            "group_by": ListOf(
                Choice(*GROUPS), MOST_GROUPS, min_items=1, unique=True, **default,
                description="Groupings, up to two.",
            ),
            "format": Choice("json", "csv", load_default="json", description="csv: a table with the same rows."),
        }
    )  # fmt: skip


class GroupOut(Schema):
    """The group of a row, by the groupings in `group_by`. null stands for everything without one."""

    agent_id = Id("agent", allow_none=True)
    version = Integer(allow_none=True, description="Of the agent.")
    project_id = Id("project", allow_none=True)
    department_id = Id("dept", allow_none=True, description="The nearest ancestor of the project, in the present tree.")
    branch_id = Id("branch", allow_none=True)
    engine_id = Id("engine", allow_none=True, description="Of runs, the one that answered last.")
    trigger = Text(allow_none=True, description="What started the run.", example="api")
    status = Text(allow_none=True, example="failed")
    error = Text(allow_none=True, description="The code of the run's error.", example="engine_error")


class SpreadOut(Schema):
    """The distribution of a duration over runs that began, or over approvals that people decided."""

    mean = Integer(0, required=True)
    p50 = Integer(0, required=True, description="Half of them took no longer, within the relative_error.")
    p95 = Integer(0, required=True)


class CostOut(Schema):
    """Spending in one currency."""

    currency = Text(required=True, example="EUR")
    cost = Integer(required=True, description="Micro-units.")


class RowOut(Schema):
    """The metrics of one interval and group."""

    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    group = Object(GroupOut, required=True)
    runs = Integer(0, required=True, description="Executions that ended in the interval.")
    succeeded = Integer(0, required=True)
    failed = Integer(0, required=True)
    timed_out = Integer(0, required=True)
    cancelled = Integer(0, required=True)
    success_rate = Number(0, 1, required=True, allow_none=True, description="Share of those that were not cancelled.")
    duration_ms = Object(SpreadOut, required=True, allow_none=True, description="From the beginning to the end of runs.")
    wait_ms = Object(SpreadOut, required=True, allow_none=True, description="Until runs began.")
    calls = Integer(0, required=True, allow_none=True, description="Of engines; null when grouped by status or error.")
    input_tokens = Integer(required=True, description="Of the calls in the interval, including corrections.")
    output_tokens = Integer(required=True)
    costs = ListOf(Object(CostOut), required=True, description="By currency; excludes calls without a known price.")
    scored = Integer(0, required=True, description="Runs whose results have a score.")
    mean_score = Number(0, 1, required=True, allow_none=True)
    approved = Integer(0, required=True, allow_none=True, description="Approvals in the interval; null as for calls.")
    rejected = Integer(0, required=True, allow_none=True)
    expired = Integer(0, required=True, allow_none=True, description="Approvals that nobody has decided in time.")
    approval_rate = Number(0, 1, required=True, allow_none=True, description="Of those three, the part that was approved.")
    decision_ms = Object(
        SpreadOut, required=True, allow_none=True, description="From the request of an approval until people decided."
    )


class AnalyticsOut(Schema):
    """The metrics of a range."""

    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    interval = Choice(*INTERVALS, required=True)
    timezone = Text(required=True, example="Europe/Vienna")
    group_by = ListOf(Choice(*GROUPS), MOST_GROUPS, required=True)
    relative_error = Number(0, 1, required=True, description="Maximum relative error of percentiles.", example=0.01)
    spent_by = Choice(
        "calls", "runs", required=True, description="Whose tokens and costs are counted: all calls', or those of ended runs."
    )
    rows = ListOf(Object(RowOut), required=True, description="Intervals without ended runs or spending have no row.")
