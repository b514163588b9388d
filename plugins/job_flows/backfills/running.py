"""Run a backfill: start past due times without a successful run; a dry run shows the plan first."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from peewee import JOIN, fn

from aasim_core import emit
from aasim_core.clock import to_text
from aasim_core.data import records
from aasim_core.data.records import database_of, find_or_none
from aasim_core.errors import Invalid, Problem
from aasim_core.ids import new_id
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy.organizations_with import organizations_with

from ...executions.models import Execution
from ..firings.starting import fire_one
from ..models import (
    ACTIVE,
    ALL,
    BY_BACKFILL,
    BY_SCHEDULE,
    DONE,
    FAILED_ONLY,
    GOING_ON,
    OF_BACKFILL,
    PARKED,
    PENDING,
    REFUSED,
    STARTED,
    WAITING,
    Backfill,
    Firing,
    JobFlow,
)  # fmt: skip
from ..progress.stats import average_costs
from ..scheduling.rules import rules_of

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext
    from aasim_core.tenancy.principal import Principal

#: The job that starts what a backfill has asked for.
BACKFILL = "job_flows.backfill"
#: How many due times one backfill goes through, and how many of them it starts.
_MOST_DUE, _MOST_RUNS = 20_000, 1_000
_AT_ONCE, _SHOWN = 50, 20
_EMPTY = {"until_at": "Write a time after since_at.", "since_at": "Write a time in the past: a backfill starts past due times."}
_ENDED_BADLY = ("failed", "timed_out")


def ask(app: "App", flow: JobFlow, principal: "Principal", body: Mapping[str, Any]) -> dict[str, Any]:
    """Enqueue the due times, or only list them. Needs a transaction; Invalid for an interval without a time in the past."""
    at = database_of(Firing).time()
    since, until = body["since_at"], min(body["until_at"] or at, at)
    if since >= until:
        name = "until_at" if until < at else "since_at"
        raise Invalid({name: [Problem("out_of_range", _EMPTY[name])]})
    chosen = _chosen(app, flow, since, until, body["only"])
    told = {"since_at": to_text(since), "until_at": to_text(until), "only": body["only"], "count": len(chosen)}
    costs = [{"currency": currency, "cost": round(cost * len(chosen))} for currency, cost in average_costs(flow.id).items()]
    backfill_id = _begin(flow, principal, chosen, told, at) if chosen and not body["dry_run"] else None
    return {**told, "due_times": list(map(to_text, chosen[:_SHOWN])), "estimated_costs": costs, "backfill_id": backfill_id}


def _chosen(app: "App", flow: JobFlow, since: datetime, until: datetime, only: str) -> list[datetime]:
    """The due times that the backfill starts, oldest first; Invalid where they are too many."""
    ahead = rules_of(app, flow).schedule.due_times(since - timedelta(milliseconds=1))
    dues = list(islice(takewhile(lambda due: due.at < until, ahead), _MOST_DUE + 1))
    before = _before(flow.id, since, until)
    chosen = [due.at for due in dues if due.skip is None and _is_wanted(before.get(due.at, ()), only)]
    if len(dues) > _MOST_DUE or len(chosen) > _MOST_RUNS:
        message = (
            f"That is more than {_MOST_RUNS} runs, or {_MOST_DUE} due times; write an earlier time, and continue from there."
        )
        raise Invalid({"until_at": [Problem("out_of_range", message)]})
    return chosen


def _before(flow_id: str, since: datetime, until: datetime) -> dict[datetime, list[tuple[str, str | None]]]:
    """What has become of the due times until now, the earliest first: the outcome, and the status of the run."""
    rows: Any = (
        Firing.select(Firing.due_at, Firing.outcome, Execution.status)
        .join(Execution, JOIN.LEFT_OUTER, on=(Execution.id == Firing.execution_id))
        .where(Firing.flow_id == flow_id, Firing.due_at >= since, Firing.due_at < until)
        .where(Firing.origin.in_((BY_SCHEDULE, BY_BACKFILL)))
        .order_by(Firing.id)
    )
    found: dict[datetime, list[tuple[str, str | None]]] = {}
    for due_at, outcome, status in rows.tuples():
        found.setdefault(due_at, []).append((outcome, status))
    return found


def _is_wanted(before: Sequence[tuple[str, str | None]], only: str) -> bool:
    outcomes = {outcome for outcome, _ in before}
    if outcomes & {PENDING, PARKED}:
        return False
    if only == FAILED_ONLY:
        return bool(before) and (before[-1][0] == REFUSED or before[-1][1] in _ENDED_BADLY)
    return only == ALL or STARTED not in outcomes


def _begin(flow: JobFlow, principal: "Principal", chosen: Sequence[datetime], told: Mapping[str, Any], at: datetime) -> str:
    backfill: Backfill = records.create(Backfill, flow_id=flow.id, flow_name=flow.name, created_by=principal.user_id, **told)
    rows = [_firing_of(backfill, due_at, at).row() for due_at in chosen]
    records.insert_rows(Firing, rows)
    enqueue(BACKFILL, {"backfill_id": backfill.id}, unique_key=backfill.id)
    emit("job_flows.backfill_requested", flow, data={**told, "backfill_id": backfill.id})
    return str(backfill.id)


def _firing_of(backfill: Backfill, due_at: datetime, at: datetime) -> Firing:
    key = f"{to_text(due_at)}/{backfill.id}"
    return Firing(
        id=new_id("firing"), organization_id=backfill.organization_id, flow_id=backfill.flow_id, key=key, origin=BY_BACKFILL,
        due_at=due_at, starts_at=at, backfill_id=backfill.id,
    )  # fmt: skip


def go_on(app: "App", context: "JobContext", backfill_id: str) -> None:
    """Start a backfill's permitted runs; it continues when one of its runs has ended, and waits while its flow is not active."""
    backfill: Backfill | None = find_or_none(Backfill, backfill_id)
    flow: JobFlow | None = find_or_none(JobFlow, backfill.flow_id) if backfill else None
    if backfill is None or flow is None or backfill.status == DONE:
        return
    if flow.status == ACTIVE:
        _start_some(app, context, backfill, flow)
    with app.database.transaction():
        _count(backfill, flow)


def _start_some(app: "App", context: "JobContext", backfill: Backfill, flow: JobFlow) -> None:
    mine = Firing.select().where(OF_BACKFILL, Firing.backfill_id == backfill.id, WAITING)
    while some := list(mine.order_by(Firing.due_at).limit(_AT_ONCE)):
        for firing in some:
            if context.should_stop():
                enqueue_again(backfill.id)
                return
            if not fire_one(app, firing, flow, app.database.time(), ()):
                return


def enqueue_again(backfill_id: str) -> None:
    """Continue the backfill."""
    with database_of(Backfill).transaction():
        enqueue(BACKFILL, {"backfill_id": backfill_id}, unique_key=backfill_id)


def _count(backfill: Backfill, flow: JobFlow) -> None:
    """Count how far the backfill is; it is done when nothing of it waits any more."""
    mine: Any = Firing.select(Firing.outcome, fn.COUNT(Firing.id)).where(OF_BACKFILL, Firing.backfill_id == backfill.id)
    counts = {outcome: int(number) for outcome, number in mine.group_by(Firing.outcome).tuples()}
    waiting = counts.pop(PENDING, 0) + counts.pop(PARKED, 0)
    is_done, refused = waiting == 0, counts.get(REFUSED, 0)
    records.change(backfill, {"done": sum(counts.values()), "refused": refused, **({"status": DONE} if is_done else {})})
    if is_done:
        emit("job_flows.backfilled", flow, data={"backfill_id": backfill.id, "count": backfill.count, "refused": refused})


def with_backfills() -> list[str]:
    """Return the organizations with unfinished backfills. Needs a system scope."""
    return organizations_with(Backfill, GOING_ON)


def wake_all() -> None:
    """Continue all backfills of the organization in scope. Needs a transaction."""
    for backfill in Backfill.select(Backfill.id).where(GOING_ON):
        enqueue(BACKFILL, {"backfill_id": backfill.id}, unique_key=backfill.id)
