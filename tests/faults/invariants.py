"""What must hold after any fault: compares what clients were told with what the database has."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .deployment import Deployment
from .workload import STEPS, History, Operation

TERMINAL = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
#: Written by hand from the specification, so that a change of the product's own table is noticed here.
LEGAL = {
    "queued": {"running", "paused", "cancelled", "failed", "timed_out"},
    "running": {"queued", "waiting", "paused", "cancelling", "succeeded", "failed", "cancelled", "timed_out"},
    "waiting": {"queued", "paused", "cancelled", "failed", "timed_out"},
    "paused": {"queued", "waiting", "cancelled", "timed_out"},
    "cancelling": {"cancelled", "timed_out"},
}


def violations(deployment: Deployment, history: History) -> list[str]:
    """Every promise that was broken, as a sentence; to be asked when nothing is left to do."""
    return [
        *_agents(deployment, history),
        *_executions(deployment, history),
        *_steps(deployment),
        *_logs(deployment),
        *_events(deployment),
        *_deliveries(deployment),
        *_jobs(deployment),
    ]


def _agents(deployment: Deployment, history: History) -> Iterator[str]:
    there = Counter(name for (name,) in deployment.rows("SELECT name FROM agents_agent"))
    yield from _once("agent", history.of("create"), there)
    asked = {operation.key for operation in history.of("create")} | {"Scripted"}
    yield from (f"there is an agent {name} that nobody asked for" for name in there if name not in asked)


def _executions(deployment: Deployment, history: History) -> Iterator[str]:
    rows = deployment.rows("SELECT id, status, waiting_for, metadata, error, output FROM executions_execution")
    keys = Counter(json.loads(row[3]).get("key") for row in rows)
    yield from _once("execution", history.of("execute"), keys)
    asked = {operation.key for operation in history.of("execute")}
    yield from (f"there is an execution {key} that nobody asked for" for key in keys if key not in asked)
    told = {operation.id for operation in history.of("execute") if operation.done}
    yield from (f"the execution {lost} was accepted and is gone" for lost in told - {row[0] for row in rows})
    for execution, status, waiting_for, _, error, output in rows:
        if status not in TERMINAL and not (status == "waiting" and waiting_for):
            yield f"the execution {execution} is {status}, neither over nor visibly waiting"
        if status == "succeeded" and output != '"done"':
            yield f"the execution {execution} succeeded with the output {output}"
        if status == "failed" and json.loads(error)["code"] not in ("worker_crash_loop", "internal_error"):
            yield f"the execution {execution} failed: {error}"


def _once(what: str, operations: Sequence[Operation], there: Mapping[str, int]) -> Iterator[str]:
    for operation in operations:
        count = there.get(operation.key, 0)
        if operation.done and count != 1:
            yield f"the {what} {operation.key} was answered {operation.status} and is there {count} times"
        if not operation.done and count > 1:
            yield f"the {what} {operation.key} was never answered and is there {count} times"
        if operation.status is not None and not operation.done:
            yield f"the {what} {operation.key} was refused {operation.status}: {operation.id}"


def _steps(deployment: Deployment) -> Iterator[str]:
    steps: dict[str, list[int]] = defaultdict(list)
    for execution, number in deployment.rows("SELECT execution_id, number FROM executions_step ORDER BY number"):
        steps[execution].append(number)
    for execution, status in deployment.rows("SELECT id, status FROM executions_execution"):
        wanted = list(range(1, (STEPS if status == "succeeded" else len(steps[execution])) + 1))
        if steps[execution] != wanted:
            yield f"the execution {execution} is {status} and has the steps {steps[execution]}"


def _logs(deployment: Deployment) -> Iterator[str]:
    """A finished step whose work was done again would have logged its engine's reply twice."""
    replies = deployment.rows(
        "SELECT execution_id, step, count(*) FROM executions_log WHERE event = 'engine_replied' GROUP BY 1, 2"
    )
    yield from (f"step {step} of {execution} was carried out {count} times" for execution, step, count in replies if count > 1)
    gaps = deployment.rows("SELECT execution_id, count(*), max(sequence) FROM executions_log GROUP BY 1")
    yield from (
        f"the log of {execution} has {count} lines up to number {last}" for execution, count, last in gaps if count != last
    )


def _events(deployment: Deployment) -> Iterator[str]:
    told: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for subject, name, changes in deployment.rows("SELECT subject_id, name, changes FROM core_event ORDER BY at, id"):
        told[subject].append((name, json.loads(changes) if changes else None))
    for (agent,) in deployment.rows("SELECT id FROM agents_agent"):
        count = [name for name, _ in told[agent]].count("agents.created")
        if count != 1:
            yield f"the agent {agent} has {count} events of its creation"
    for execution, status in deployment.rows("SELECT id, status FROM executions_execution"):
        yield from _walk(execution, status, told[execution])


def _walk(execution: str, status: str, told: Sequence[tuple[str, Any]]) -> Iterator[str]:
    names = [name for name, _ in told]
    if names.count("executions.queued") != 1:
        yield f"the execution {execution} has the events {names}"
    moves = [changes["status"] for _, changes in told if changes and "status" in changes]
    state = "queued"
    for before, after in moves:
        if before not in (state, "queued"):  # going back to the queue is no event
            yield f"the execution {execution} moved from {before} while it was {state}"
        if after not in LEGAL.get(before, ()):
            yield f"the execution {execution} moved from {before} to {after}"
        state = after
    if status in TERMINAL and state != status:
        yield f"the execution {execution} is {status}, and its last event says {state}"


def _deliveries(deployment: Deployment) -> Iterator[str]:
    """Each event was delivered, or its delivery is listed as dead: a job that three kills hit is not tried a fourth time."""
    seen = set(deployment.witnessed.read_text().split()) if deployment.witnessed.exists() else set()
    given_up = "SELECT payload FROM core_job WHERE name = 'core.deliver_event' AND state IN ('dead', 'failed')"
    seen |= {json.loads(payload)["event_id"] for (payload,) in deployment.rows(given_up)}
    for event, name in deployment.rows("SELECT id, name FROM core_event"):
        if event not in seen:
            yield f"the event {event} ({name}) was lost"


def _jobs(deployment: Deployment) -> Iterator[str]:
    for name, state, reason in deployment.rows("SELECT name, state, error FROM core_job WHERE state IN ('failed', 'parked')"):
        yield f"a job {name} is {state}: {reason}"
