"""Statistics of a flow: outcomes of its firings, and results and costs of its runs, in one statement."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import JOIN, Case, fn

from aasim_core.clock import now, to_text

from ...executions.models import Execution
from ..models import STARTED, Firing, JobFlow

_USUAL = timedelta(days=30)
_ENDED_BADLY = ("failed", "timed_out")


class _Group(NamedTuple):
    """Firings that came to the same: how many `times` that was, and what their runs cost; the lateness is that of 95 of 100."""

    outcome: str
    reason: str | None
    status: str | None
    currency: str | None
    times: int
    cost: int | None
    finished_at: str | None
    lateness_ms: int | None


def stats_of(flow: JobFlow, since: datetime | None) -> dict[str, Any]:
    """The statistics of the flow since then, or of thirty days."""
    begin = since or now() - _USUAL
    groups = _groups(flow.id, begin)
    runs = [group for group in groups if group.outcome == STARTED]
    return {
        "flow_name": flow.name,
        "since_at": to_text(begin),
        "runs": sum(group.times for group in runs),
        **_ends(runs),
        "not_started": _not_started(groups),
        "lateness_p95_ms": min((group.lateness_ms for group in runs if group.lateness_ms is not None), default=None),
        "costs": _costs(runs),
        "streak": flow.streak,
        "last_success_at": max(
            (group.finished_at for group in runs if group.status == "succeeded" and group.finished_at), default=None
        ),
    }


def average_costs(flow_id: str) -> dict[str | None, float]:
    """What a run of the flow has cost on average in the last 30 days, in each currency."""
    groups = [group for group in _groups(flow_id, now() - _USUAL) if group.outcome == STARTED]
    runs = sum(group.times for group in groups)
    return {one["currency"]: one["cost"] / runs for one in _costs(groups)}


def _groups(flow_id: str, begin: datetime) -> list[_Group]:
    position = fn.CUME_DIST().over(partition_by=[Firing.outcome], order_by=[Firing.lateness_ms])
    columns = (
        Firing.outcome,
        Firing.reason,
        Firing.count,
        Firing.lateness_ms,
        Execution.status,
        Execution.currency,
        Execution.cost,
    )
    each = (
        Firing.select(*columns, Execution.finished_at, position.alias("position"))
        .join(Execution, JOIN.LEFT_OUTER, on=(Execution.id == Firing.execution_id))
        .where(Firing.flow_id == flow_id, Firing.due_at >= begin)
        .alias("each")
    )
    of_many = Case(None, [(each.c.position >= 0.95, each.c.lateness_ms)])
    named = each.c.outcome, each.c.reason, each.c.status, each.c.currency
    totals = fn.SUM(each.c.count), fn.SUM(each.c.cost), fn.MAX(each.c.finished_at), fn.MIN(of_many)
    found = each.select_from(*named, *totals).group_by(*named).order_by(*named).tuples()
    return [_Group(*group)._replace(times=int(group[4])) for group in found]


def _ends(runs: Sequence[_Group]) -> dict[str, Any]:
    counts = Counter[str | None]()
    for group in runs:
        counts[group.status] += group.times
    succeeded, failed = counts["succeeded"], sum(counts[status] for status in _ENDED_BADLY)
    return {
        "succeeded": succeeded,
        "failed": failed,
        "cancelled": counts["cancelled"],
        "going_on": counts.total() - succeeded - failed - counts["cancelled"] - counts[None],
        "success_rate": round(succeeded / (succeeded + failed), 4) if succeeded + failed else None,
    }


def _not_started(groups: Sequence[_Group]) -> list[dict[str, Any]]:
    others = [group for group in groups if group.outcome != STARTED]
    return [{"outcome": group.outcome, "reason": group.reason, "count": group.times} for group in others]


def _costs(runs: Sequence[_Group]) -> list[dict[str, Any]]:
    costs: Counter[str] = Counter()
    for group in runs:
        if group.cost is not None:
            costs[group.currency or ""] += int(group.cost)
    return [{"currency": currency or None, "cost": cost} for currency, cost in sorted(costs.items())]
