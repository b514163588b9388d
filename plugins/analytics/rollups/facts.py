"""Count source rows: executions by their end, engine calls by their writing, and approvals by their decision.

Nobody counts them elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import peewee

from aasim_core.clock import from_text, to_text
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.tenancy.organizations_with import organizations_with

from ...engines.service import CORRECTION, EngineCall
from ...executions.models import NO_CURRENCY, RETAINED, RETAINED_AT, Execution
from ..periods import quarter_of
from .cube import Cube
from .sketch import bin_of

if TYPE_CHECKING:
    from aasim_core.app import App

    from ..with_hitl_approvals import Decision

_MILLION = 1_000_000


def counted(app: "App", since: datetime, until: datetime) -> dict[datetime, Cube]:
    """What ended, was spent and was decided in the organization in scope from `since` until before `until`, by the quarter of an hour."""
    cubes: defaultdict[datetime, Cube] = defaultdict(Cube)
    span = {"since": to_text(since), "until": to_text(until)}
    for stage in RETAINED:
        for row in map(_Run._make, _ended.all(stage, **span)):
            _count_run(cubes[quarter_of(from_text(row.finished_at))], row)
    for call in map(_Call._make, _called.all(**span)):
        _count_call(cubes[quarter_of(from_text(call.created_at))], call)
    if approvals := _approvals(app):
        for decision in approvals.decisions(since, until):
            _count_decision(cubes[quarter_of(from_text(decision.decided_at))], decision, approvals.DECIDED)
    return dict(cubes)


def next_moment(app: "App", since: datetime) -> datetime | None:
    """When the first of what is counted happened from `since` on; None where there is none."""
    firsts = [*(_first_end.one(stage, since=to_text(since)) for stage in RETAINED), _first_call.one(since=to_text(since))]
    moments = [from_text(row[0]) for row in firsts if row is not None]
    if (approvals := _approvals(app)) and (decided := approvals.next_moment(since)):
        moments.append(decided)
    return min(moments, default=None)


def organizations(app: "App", since: Any) -> set[str]:
    """The ids of the organizations in which something happened since what the expression says. Needs a system scope."""
    ended = [organizations_with(Execution, stage, Execution.finished_at >= since) for stage in RETAINED_AT.values()]
    approvals = _approvals(app)
    decided = approvals.organizations(since) if approvals else []
    return {*chain(*ended), *organizations_with(EngineCall, EngineCall.created_at >= since), *decided}


def _approvals(app: "App") -> Any:
    """The module that reads approvals, where the installation has them."""
    if not app.plugins.is_on("hitl_approvals"):
        return None
    from .. import with_hitl_approvals

    return with_hitl_approvals


def moments_of(app: "App", execution_ids: list[str]) -> Iterator[datetime]:
    """When these executions ended, when their calls were written, and when their approvals were decided."""
    if approvals := _approvals(app):
        yield from approvals.moments_of(execution_ids)
    ended: Any = Execution.select(Execution.finished_at).where(
        Execution.id.in_(execution_ids), Execution.finished_at.is_null(False)
    )
    called: Any = EngineCall.select(EngineCall.created_at).where(EngineCall.execution_id.in_(execution_ids))
    for query in (ended, called):
        yield from (moment for (moment,) in query.tuples())


class _Run(NamedTuple):
    """The columns of an execution that are counted, in the database's form."""

    finished_at: str
    created_at: str
    started_at: str | None
    subject_type: str | None
    subject_id: str | None
    subject_version: int | None
    project_id: str | None
    engine_id: str | None
    trigger_type: str | None
    status: str
    error_code: str | None
    score: float | None
    input_tokens: int
    output_tokens: int
    cost: int | None
    currency: str | None
    usage_details: str | None


class _Call(NamedTuple):
    """The same of a call, with what is only known of its execution."""

    created_at: str
    agent_id: str | None
    project_id: str | None
    engine_id: str
    outcome: str
    input_tokens: int
    output_tokens: int
    cost: int | None
    currency: str | None
    subject_version: int | None
    trigger_type: str | None


@compiled(Execution)
def _ended(stage: str) -> Any:
    columns = [getattr(Execution, name) for name in _Run._fields]
    return Execution.select(*columns).where(*_ends(stage), Execution.finished_at < Bind("until"))


@compiled(Execution)
def _first_end(stage: str) -> Any:
    return Execution.select(Execution.finished_at).where(*_ends(stage)).order_by(Execution.finished_at).limit(1)


def _ends(stage: str) -> tuple[Any, ...]:
    """By the index of the stage of retention."""
    return RETAINED_AT[stage], Execution.finished_at >= Bind("since")


@compiled(EngineCall)
def _called() -> Any:
    of_call = [getattr(EngineCall, name) for name in _Call._fields[:-2]]
    calls = EngineCall.select(*of_call, Execution.subject_version, Execution.trigger_type)
    calls = calls.join(Execution, peewee.JOIN.LEFT_OUTER, on=Execution.id == EngineCall.execution_id)
    return calls.where(EngineCall.created_at >= Bind("since"), EngineCall.created_at < Bind("until"))


@compiled(EngineCall)
def _first_call() -> Any:
    since = EngineCall.select(EngineCall.created_at).where(EngineCall.created_at >= Bind("since"))
    return since.order_by(EngineCall.created_at).limit(1)


def _count_run(cube: Cube, row: _Run) -> None:
    agent = row.subject_id if row.subject_type == "agent" else None
    version = None if agent is None else row.subject_version
    numbers = cube[agent, version, row.project_id, row.engine_id, row.trigger_type, row.status, row.error_code]
    numbers.count(**{"runs": 1, row.status: 1, "input_tokens": row.input_tokens, "output_tokens": row.output_tokens})
    if row.started_at is not None:
        wait, duration = _milliseconds(row.created_at, row.started_at), _milliseconds(row.started_at, row.finished_at)
        numbers.count(wait_ms=wait, duration_ms=duration)
        numbers.waits[bin_of(wait)] = numbers.waits.get(bin_of(wait), 0) + 1
        numbers.durations[bin_of(duration)] = numbers.durations.get(bin_of(duration), 0) + 1
    if row.score is not None:
        numbers.count(scored=1, score=round(row.score * _MILLION))
    for currency, amount in _costs(row):
        numbers.pay(currency, amount)


def _costs(row: _Run) -> list[tuple[str, int]]:
    several = orjson.loads(row.usage_details).get("costs") if row.usage_details else None
    if several:
        return list(several.items())
    return [] if row.cost is None else [(row.currency or NO_CURRENCY, row.cost)]


def _count_call(cube: Cube, row: _Call) -> None:
    """Corrections are no calls, and hold the difference."""
    version = None if row.agent_id is None else row.subject_version
    numbers = cube[row.agent_id, version, row.project_id, row.engine_id, row.trigger_type, None, None]
    numbers.count(calls=int(row.outcome != CORRECTION), input_tokens=row.input_tokens, output_tokens=row.output_tokens)
    if row.cost is not None:
        numbers.pay(row.currency or NO_CURRENCY, row.cost)


def _count_decision(cube: Cube, row: "Decision", decided: Sequence[str]) -> None:
    """Approvals are of no engine, and of no status or error of a run."""
    version = None if row.agent_id is None else row.subject_version
    numbers = cube[row.agent_id, version, row.project_id, None, row.trigger_type, None, None]
    numbers.count(**{row.status: 1})
    if row.status in decided:
        took = _milliseconds(row.created_at, row.decided_at)
        numbers.count(decision_ms=took)
        numbers.decisions[bin_of(took)] = numbers.decisions.get(bin_of(took), 0) + 1


def _milliseconds(start: str, end: str) -> int:
    # The two times may come from the clocks of two machines.
    return max(0, round((from_text(end) - from_text(start)).total_seconds() * 1000))
