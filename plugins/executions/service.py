"""Starting, cancelling and repeating executions."""

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core import json_schema
from aasim_core.access import tree
from aasim_core.access.rights import Rights
from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.data.json import to_json
from aasim_core.data.statements import Bind
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.events.log import emit
from aasim_core.ids import new_id
from aasim_core.jobs.queue import enqueue

from ..agents import service as agents
from ..agents.models import Agent
from ..engines import service as engines
from ..engines.hookspecs import Payer, refuse_spent
from . import states
from .loop import go_on, lock_waiting, queue
from .models import NO_PAYLOAD, Execution
from .settings import ExecutionSettings

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.data.connect import Database

_LARGEST_INPUT = 262_144


def start_agent(
    app: "App",
    agent: Agent,
    given: Any,
    initiator_id: str,
    *,
    number: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    trigger: Mapping[str, Any] | None = None,
    retry_of: Execution | None = None,
    parent: Execution | None = None,
    api_key_id: str | None = None,
) -> Execution:
    """Queue a run of the agent; it pins the version `number`, or the current one.

    Refused ``invalid_state`` while the organization is halted, the agent is not active or its project on hold, ``queue_full`` when too
    many wait, or what a meter of engines refuses it with. What a run calls in its own project goes on with it.
    """
    _refuse_halted(app)
    if parent is None or parent.project_id != agent.project_id:
        tree.refuse_to_begin(agent.project_id)
    agents.refuse_unless_runnable(agent)
    definition = agents.definition_at(agent, number or agent.agent_version)
    _check_input(definition["input_schema"], given)
    engines.refuse_bad_parameters({**definition["parameters"], **(parameters or {})})
    _refuse_full_queue(app.settings.section("executions", ExecutionSettings).queue_limit)
    execution = Execution(
        id=new_id("exec"),
        organization_id=agent.organization_id,
        kind="agent",
        agent_id=agent.id,
        agent_version=number or agent.agent_version,
        project_id=agent.project_id,
        initiator_id=initiator_id,
        api_key_id=api_key_id,
        input=given,
        parameters=dict(parameters or {}),
        metadata=dict(metadata or {}),
        trigger=dict(trigger or {"type": "api", "id": None}),
        retry_of=retry_of.id if retry_of else None,
        parent_id=parent.id if parent else None,
    )
    refuse_spent(app, payer_of(execution))
    origin = retry_of or parent
    execution.root_id = (origin.root_id if origin else None) or execution.id
    queue(execution)
    records.insert(execution)
    emit("executions.queued", states.subject(execution), data={"kind": "agent", "agent_id": agent.id})
    return execution


def payer_of(execution: Execution, step: int | None = None) -> Payer:
    """For whom the execution asks engines, in the step of that number."""
    return Payer(execution.id, step, execution.agent_id, execution.project_id, execution.api_key_id, execution.initiator_id)


def over_among(execution_ids: Collection[str]) -> set[str]:
    """Those of the executions, in whatever scope there is, that are over or gone."""
    going = Execution.select(Execution.id).where(
        Execution.id.in_(list(execution_ids)), Execution.status.not_in(sorted(states.TERMINAL))
    )
    return set(execution_ids) - {execution.id for execution in going}


def _refuse_halted(app: "App") -> None:
    if app.pulse.of(current_organization()).is_halted:
        raise Refused("invalid_state", "The organization is halted, so nothing begins in it; resume it first.")


def _check_input(schema: Any, given: Any) -> None:
    if len(to_json(given)) > _LARGEST_INPUT:
        raise Invalid({"input": [Problem("too_long", "The input is longer than 256 KiB; send less, or a reference to it.")]})
    broken = [] if schema is None else json_schema.violations(schema, given)
    if broken:
        raise Invalid({_field(path): [Problem("invalid_format", message)] for path, message in broken})


def _field(path: str) -> str:
    return "input" if path == "_" else f"input{path}" if path.startswith("[") else f"input.{path}"


def _refuse_full_queue(limit: int) -> None:
    """Raises Refused where as many wait as may; counted once a second, and again before anybody is refused."""
    database, organization_id = records.database_of(Execution), current_organization()
    places = _places_taken(database, organization_id, limit, int(time.monotonic()))
    if next(places) >= limit and (waiting := _waiting(database, limit)) >= limit:
        meta = {
            "limit": "queue", "scope": "organization", "scope_id": organization_id, "used": waiting, "max": limit,
            "resets_at": None,
        }  # fmt: skip
        raise Refused(
            "queue_full", f"{waiting} executions are waiting already; try again when some are done.", meta=meta, retry_after=5
        )


@lru_cache(maxsize=1024)
def _places_taken(database: "Database", organization_id: str, limit: int, second: int) -> Iterator[int]:
    """How many waited at the beginning of this second of the clock, and one more for each that has come since in this process."""
    return count(_waiting(database, limit))


def _waiting(database: "Database", limit: int) -> int:
    """How many executions wait, up to the limit; it takes the longer, the more they are."""

    def build() -> Any:
        some = Execution.select(Execution.id).where(Execution.status == states.QUEUED).limit(Bind("limit"))
        return some.select_from(peewee.fn.COUNT(peewee.SQL("*")))

    return int(database.statement("queue length", build).run(database, {"limit": limit}).fetchone()[0])


def allows(rights: Rights, permission: str, execution: Execution, user_id: str) -> bool:
    """Whether the permission holds on the execution: at its place, or because the user started it."""
    own = execution.initiator_id == user_id and rights.has_for_shared(permission)
    return own or rights.allows_at(permission, execution.project_id)


def resume(execution_id: str) -> None:
    """Let a run that waits go on, in the running transaction; nothing happens to one that does not wait."""
    lock_waiting(execution_id)
    execution = records.find_or_none(Execution, execution_id)
    if execution is not None and execution.status == states.WAITING:
        go_on(execution)


def is_over(status: str) -> bool:
    """Whether an execution of that status has come to its end."""
    return status in states.TERMINAL


def has_ended(execution_id: str) -> bool:
    """Whether the execution has come to its end, or is not there any more."""
    execution = records.find_or_none(Execution, execution_id)
    return execution is None or is_over(execution.status)


def cancel(execution: Execution, reason: str | None, grace_seconds: int) -> Execution:
    """End the execution: at once where nothing runs, or else as soon as its runner sees it.

    So are the runs that it waits for. Repeating it changes nothing; Refused ``invalid_state`` for one that is over.
    """
    ended = _cancel(execution, reason, grace_seconds)
    if ended.status not in (states.CANCELLED, states.CANCELLING):
        message = f"An execution that is {ended.status} cannot become {states.CANCELLED}."
        raise Refused("invalid_state", message, meta={"status": ended.status})
    return ended


def _cancel(execution: Execution, reason: str | None, grace_seconds: int) -> Execution:
    """The same; one that is over is left as it is, for it may have come to that just now."""
    if execution.status in (states.CANCELLING, *states.TERMINAL):
        return execution
    lock_children(execution.id)
    target = states.CANCELLING if execution.status == states.RUNNING else states.CANCELLED
    if not states.move(execution, target, cancel_reason=reason):
        return _cancel(records.find(Execution, execution.id), reason, grace_seconds)
    if target == states.CANCELLING:
        enforce_at = now() + timedelta(seconds=grace_seconds)
        enqueue("executions.enforce_cancel", {"execution_id": execution.id}, run_at=enforce_at)
    for child in Execution.select().where(Execution.parent_id == execution.id, Execution.status.not_in(tuple(states.TERMINAL))):
        _cancel(child, reason, grace_seconds)
    return execution


def lock_children(execution_id: str) -> None:
    """Let nobody else start a run for the execution, or cancel it with those that it has, until the running transaction ends."""
    records.database_of(Execution).lock(f"executions/children/{execution_id}")


def enforce_cancel(execution_id: str) -> None:
    """End an execution that did not stop by itself; what its runner does after that is not recorded."""
    with records.database_of(Execution).transaction():
        execution = records.find_or_none(Execution, execution_id)
        if execution is not None and execution.status == states.CANCELLING:
            states.move(execution, states.CANCELLED)


def retry(
    app: "App", execution: Execution, agent: Agent, initiator_id: str, *, same_version: bool, api_key_id: str | None = None
) -> Execution:
    """Run the same input again; Refused ``invalid_state`` unless the execution is over and its input still kept."""
    if execution.status not in states.TERMINAL:
        message = f"The execution is {execution.status}; only one that is over can be repeated."
        raise Refused("invalid_state", message, meta={"status": execution.status})
    if execution.kept == NO_PAYLOAD:
        message = "What the execution was given is no longer kept; execute the agent again with an input."
        raise Refused("invalid_state", message, meta={"kept": execution.kept})
    return start_agent(
        app,
        agent,
        execution.input,
        initiator_id,
        number=execution.agent_version if same_version else None,
        parameters=execution.parameters,
        metadata=execution.metadata,
        trigger={"type": "retry", "id": execution.id},
        retry_of=execution,
        api_key_id=api_key_id,
    )
