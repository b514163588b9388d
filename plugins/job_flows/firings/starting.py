"""Start firings exactly once, with the current rights of the flow's owner; obstacles are recorded."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from aasim_core import emit
from aasim_core.access import tree
from aasim_core.clock import now, to_text
from aasim_core.context import current_actor
from aasim_core.data import records
from aasim_core.data.compiled import compiled, numbered, one_of
from aasim_core.data.faults import fault_of
from aasim_core.data.records import find_or_none
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.identity.on_behalf_of import principal_now
from aasim_core.user_code import values

from ...executions.models import Execution
from ...executions.service import refuse_unheard, startable
from ..kernel import firings
from ..kernel.due_time import Due
from ..models import (
    ACTIVE,
    BY_BACKFILL,
    BY_EVENT,
    BY_HOOK,
    BY_SCHEDULE,
    HANDED_OVER,
    PARKED,
    PENDING,
    REFUSED,
    SKIPPED,
    STARTED,
    WAITING,
    Firing,
    JobFlow,
)
from ..progress.flow_health import note_end
from ..recording import tell_skipped
from ..scheduling.rules import rules_of
from .causes import acting_for
from .overlapping import OVERLAP, admission_of, is_endless

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext
    from aasim_core.tenancy.principal import Principal

    from ...executions.hookspecs import Startable, Target

#: What executions that a flow has started say of it.
TRIGGER = "schedule"
#: Refusals that are over some time, so that the firing waits.
_PASSING = frozenset(
    (
        "feature_disabled",
        "invalid_state",
        "queue_full",
        "budget_exceeded",
        "plan_limit_exceeded",
        "rate_limited",
        "busy",
        "unavailable",
    )
)
#: The refusal that is over in some seconds, and how long that is waited for.
_CROWDED, _PAUSE = "queue_full", timedelta(seconds=5)
_LONGEST_EXPLANATION = 500
_RELEASED_AT_ONCE = 200
#: A firing, its flow, and the flow's waiting firings.
_ToStart = tuple[Firing, JobFlow, list[Firing]]


class _Lookups(NamedTuple):
    """How a firing's principal and target are found."""

    principal: Callable[[str, str | None], "Principal | None"]
    target: Callable[["Startable", str, int | None, "Principal"], "Target"]


#: Both are looked up for each firing.
_EACH = _Lookups(principal_now, lambda kind, target_id, version, principal: kind.find(target_id, version, principal))


class _Changed(Exception):
    """Somebody else has decided on the firing since it was read, so that its run must not begin."""


def fire(app: "App", context: "JobContext", firing_ids: Sequence[str]) -> None:
    """Start the firings in order; when too many runs are queued, continue in some seconds. Raises the first error when all were tried.

    All but the first are started in one transaction, and one after the other where that fails. Where the queue is full, the first is
    refused, so that the others are not tried for nothing.
    """
    at, due, errors = app.database.time(), _read(firing_ids), list[Exception]()
    first, others = due[:1], due[1:]
    goes_on = _start_each(app, context, first, at, errors)
    if goes_on and not _start_together(app, others, at):
        goes_on = _start_each(app, context, others, at, errors)
    if goes_on and errors:
        raise errors[0]


def _start_together(app: "App", due: Sequence[_ToStart], at: datetime) -> bool:
    """Start the firings in one transaction; False, and nothing is started, where one of them fails. Raises faults of the storage.

    Those of one owner and one target look these up once.
    """

    def start_all() -> None:
        lookups = _Lookups(cache(_EACH.principal), cache(_EACH.target))
        for firing, flow, waiting in due:
            with acting_for(app, firing, current_actor()):
                _start_if_wanted(app, flow, firing, at, waiting, lookups)

    try:
        app.database.attempt(start_all)
    except Exception as error:
        if fault_of(error) is not None:
            raise  # the storage's fault: the commit may be in doubt
        return False
    return True


def _start_each(app: "App", context: "JobContext", due: Sequence[_ToStart], at: datetime, errors: list[Exception]) -> bool:
    """Start the firings one after the other, and collect their errors; False where the job continues later."""
    for firing, flow, waiting in due:
        if context.should_stop():
            context.hand_back()
            return False
        try:
            fire_one(app, firing, flow, at, waiting)
        except Exception as error:
            if fault_of(error) is not None:
                raise
            errors.append(error)
        if firing.outcome == PARKED and firing.reason == _CROWDED:
            context.hand_back(now() + _PAUSE)
            return False
    return True


def _read(firing_ids: Sequence[str]) -> list[_ToStart]:
    """The firings in their order, with their flows and what waits of these, in three statements."""
    ids = numbered("id", firing_ids)
    found = {firing.id: firing for firing in _firings.records(len(ids), **ids)}
    flow_ids = numbered("id", {firing.flow_id for firing in found.values()})
    flows = {flow.id: flow for flow in _flows.records(len(flow_ids), **flow_ids)}
    waiting: dict[str, list[Firing]] = {flow_id: [] for flow_id in flow_ids.values()}
    for firing in _waiting_of.records(len(flow_ids), **flow_ids):
        waiting[firing.flow_id].append(found.get(firing.id, firing))
    known = [found[firing_id] for firing_id in firing_ids if firing_id in found]
    return [(firing, flows[firing.flow_id], waiting[firing.flow_id]) for firing in known if firing.flow_id in flows]


@compiled(Firing)
def _firings(size: int) -> Any:
    return Firing.select().where(one_of(Firing.id, "id", size))


@compiled(JobFlow)
def _flows(size: int) -> Any:
    return JobFlow.select().where(one_of(JobFlow.id, "id", size))


@compiled(Firing)
def _waiting_of(size: int) -> Any:
    """What is about to start, or parked, for its due time, in the order in which it starts."""
    theirs = one_of(Firing.flow_id, "id", size)
    return Firing.select().where(WAITING, Firing.origin == BY_SCHEDULE, theirs).order_by(Firing.starts_at, Firing.id)


def release(app: "App", context: "JobContext", flow_id: str) -> None:
    """Start a flow's parked firings, the oldest first, until one still cannot start."""
    flow: JobFlow | None = find_or_none(JobFlow, flow_id)
    parked = Firing.select().where(WAITING, Firing.flow_id == flow_id, Firing.outcome == PARKED, Firing.origin != BY_BACKFILL)
    if flow is None:
        return
    for firing in parked.order_by(Firing.due_at, Firing.id).limit(_RELEASED_AT_ONCE):
        waiting = _waiting_of.records(1, **numbered("id", [flow_id]))
        if context.should_stop() or not fire_one(app, firing, flow, app.database.time(), waiting):
            return


def give_up(firing_ids: Sequence[str]) -> None:
    """Write down that firings did not start for a fault of ours. Needs a transaction."""
    for firing in Firing.select().where(Firing.id.in_(list(firing_ids)), Firing.outcome == PENDING):
        _write(firing, REFUSED, "internal_error", "Something went wrong; the operator's log says what.")


def fire_one(app: "App", firing: Firing, flow: JobFlow, at: datetime, waiting: Sequence[Firing]) -> bool:
    """Start the firing, or record its obstacle; False if it still waits.

    `waiting` are the flow's waiting firings. A firing that must no longer start is recorded as such.
    """
    with acting_for(app, firing, current_actor()):
        try:
            _start_if_wanted(app, flow, firing, at, waiting)
        except Refused as refused:
            with app.database.transaction():
                _note_refusal(app, flow, firing, refused)
        except _Changed:
            return True
    return firing.outcome not in (PENDING, PARKED)


def _start_if_wanted(
    app: "App", flow: JobFlow, firing: Firing, at: datetime, waiting: Sequence[Firing], lookups: _Lookups = _EACH
) -> None:
    """Start the firing's run, or record that it must no longer start."""
    if firing.outcome in (PENDING, PARKED) and _is_still_wanted(app, flow, firing, at, waiting):
        with app.database.transaction():
            _start(app, flow, firing, at, lookups)


def _is_still_wanted(app: "App", flow: JobFlow, firing: Firing, at: datetime, waiting: Sequence[Firing]) -> bool:
    if firing.origin in (BY_EVENT, BY_HOOK):
        return _is_its_turn(app, flow, firing)
    if firing.origin != BY_SCHEDULE:
        return True
    decided = firings.decide([Due(one.starts_at) for one in waiting], at, rules_of(app, flow))
    over = [(one, verdict) for one, verdict in zip(waiting, decided, strict=True) if verdict.outcome != "start"]
    over = [(one, verdict) for one, verdict in over if one.starts_at <= firing.starts_at]
    if over:
        with app.database.transaction():
            for one, verdict in over:
                _write(firing if one.id == firing.id else one, verdict.outcome, verdict.reason)
    return all(one.id != firing.id for one, _ in over)


def _is_its_turn(app: "App", flow: JobFlow, firing: Firing) -> bool:
    """Whether what came with an event or a request may start now: the flow is active, and in a queue nothing waits that came before."""
    if flow.status != ACTIVE:
        with app.database.transaction():
            _skip(flow, firing, flow.status)
        return False
    if firing.outcome == PENDING and is_endless(flow.overlap):
        parked = Firing.select(Firing.id).where(WAITING, Firing.flow_id == flow.id, Firing.outcome == PARKED)
        if parked.where(Firing.reason == OVERLAP, Firing.due_at <= firing.due_at).exists():
            with app.database.transaction():
                _write(firing, PARKED, OVERLAP)
            return False
    return True


def _skip(flow: JobFlow, firing: Firing, reason: str) -> None:
    """Write that nothing starts, for the reason, and tell of what came with an event or a request."""
    if _write(firing, SKIPPED, reason):
        firing.reason = reason
        tell_skipped(flow, firing)


def _write(firing: Firing, outcome: str, reason: str | None, explanation: str | None = None, **more: Any) -> bool:
    """Write what became of the firing; False if somebody else has done so since it was read."""
    told = {"outcome": outcome, "reason": reason, "explanation": explanation and explanation[:_LONGEST_EXPLANATION]}
    stamp = {"version": firing.version + 1, "updated_at": now()}
    return records.compare_and_set(firing, {"version": firing.version}, {**told, **more, **stamp})


def _start(app: "App", flow: JobFlow, firing: Firing, at: datetime, lookups: _Lookups) -> None:
    """Start the run, in the running transaction; _Changed if somebody has decided on the firing since it was read."""
    if flow.status_reason == HANDED_OVER:
        raise Refused("permission_denied", "The flow was handed over to its owner, who has not activated it yet.")
    principal = lookups.principal(flow.owner_id, flow.api_key_id)
    if principal is None:
        raise Refused("permission_denied", "Who wrote what this flow starts may not act in the organization any more.")
    if firing.origin == BY_EVENT:
        refuse_unheard(app, app.rights.of(principal), flow.trigger["pattern"])
    given, admission = filled_input(flow, firing.due_at, firing.payload), admission_of(flow, firing.origin)
    with acting_for(app, firing, principal.actor()):  # what the run leads to can then be recognised
        execution = start_run(app, flow, principal, given, firing, lookups, admission=admission)
    late_ms = max(0, round((at - firing.starts_at).total_seconds() * 1000))
    lateness_ms = None if firing.origin == BY_BACKFILL else late_ms
    if not _write(firing, STARTED, None, lateness_ms=lateness_ms, execution_id=execution.id, payload=None):
        raise _Changed


def start_run(
    app: "App", flow: JobFlow, principal: "Principal", given: Any, firing: Firing, lookups: _Lookups = _EACH, **about: Any
) -> Execution:
    """Queue the firing's run of what the flow starts for the principal, in the running transaction; Refused as its own endpoints do."""
    tree.refuse_to_begin(flow.project_id)
    kind = startable(app, flow.target_type, "target.type")
    target = lookups.target(kind, flow.target_id, flow.target_version, principal)
    due_time = f"{flow.id}@{to_text(firing.due_at)}"
    whose = {"api_key_id": principal.api_key_id, "chain": [due_time]}
    # A copy of the installation that treats the same due time makes another firing of it.
    origin = {"trigger": {"type": TRIGGER, "id": flow.id}, "key": due_time if firing.origin == BY_SCHEDULE else firing.id}
    return kind.start(target.id, target.version, given, principal.user_id, **origin, **whose, **about)


def filled_input(flow: JobFlow, due_at: datetime, payload: Mapping[str, Any] | None = None) -> Any:
    """What the run is given, with what came with the event or request; Invalid for an expression that has no value."""
    local = due_at.astimezone(ZoneInfo(flow.trigger.get("timezone", "UTC")))
    due = {"at": to_text(due_at), "local_time": local.isoformat("T", "seconds"), "date": local.date().isoformat()}
    context = {"due": due, "flow": {"id": flow.id, "name": flow.name}, **(payload or {})}
    try:
        return values.fill(flow.input, context)
    except values.NoValue as error:
        raise Invalid({f"input{error.place.path}": [Problem("invalid_format", str(error))]}) from error
    except values.TooLarge as error:
        raise Invalid({"input": [Problem("too_long", str(error))]}) from error


def _note_refusal(app: "App", flow: JobFlow, firing: Firing, refused: Refused) -> None:
    """Write down why the firing could not start: it waits where that is over some time, else it has failed."""
    problem = next(iter(refused.problems.values()))[0]
    code = "feature_disabled" if app.offers.off_here("startables", flow.target_type) else problem.code
    if code == "too_many_at_once":
        _note_overlap(flow, firing)
        return
    outcome = PARKED if code in _PASSING else REFUSED
    if _write(firing, outcome, code, problem.message) and outcome == REFUSED:
        told = {"due_at": to_text(firing.due_at), "code": code, "explanation": problem.message[:_LONGEST_EXPLANATION]}
        emit("job_flows.refused", flow, data=told)
        note_end(flow.id, succeeded=False)


def _note_overlap(flow: JobFlow, firing: Firing) -> None:
    """The flow has its maximum number of running runs: nothing starts then, but a queue and a backfill continue when a run has ended."""
    if is_endless(flow.overlap):
        _write(firing, PARKED, OVERLAP)
    elif firing.origin != BY_BACKFILL:
        _skip(flow, firing, OVERLAP)
