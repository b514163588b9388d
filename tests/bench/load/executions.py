"""J4: executions from POST to *succeeded*, measured for one contestant."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median

from ..contestants.aasim import scripted_engine
from ..contestants.handmade import ROOT, Service
from ..contestants.shape import NEW_AGENT, READER
from ..databases import Database, settle
from ..probe import Probe
from . import generator
from .queue_load import Plan, Result
from .web import Failed, call

#: How often the first execution after idling is measured: one alone says little.
_PAUSES = 3


@dataclass(frozen=True)
class Figures:
    """Executions per second, and milliseconds from POST to success at 25 a second and for the first one after idling."""

    rate: float
    p50: float
    p95: float
    first_after_idling: float


def measured(service: Service, database: Database, *, agent_id: str, seconds: float, idle: float) -> Figures:
    """The three figures of J4; `Failed` when an execution was lost."""
    plan = plan_of(service, database, agent_id)
    run(plan, seconds=0.5)
    settle(database)  # or else PostgreSQL goes on with plans that it made while the tables were empty
    sustained = run(plan, seconds=seconds)
    even = run(plan, seconds=seconds, pace=25)
    return Figures(sustained.rate, even.p50, even.p95, median(_first(plan, idle) for _ in range(_PAUSES)))


def _first(plan: Plan, idle: float) -> float:
    """Milliseconds that the one execution takes that comes after a pause."""
    time.sleep(idle)
    return run(plan, seconds=1, pace=1).p50


def plan_of(service: Service, database: Database, agent_id: str) -> Plan:
    """Executions of the agent."""
    request = generator.request("POST", f"/api/v1/agents/{agent_id}/execute", service.reader, {"input": "Hello 0123456789"})
    return Plan(service.port, request, database.url, service.executions)


def run(plan: Plan, **changes: float) -> Result:
    """Carry out the plan in a process of its own; `Failed` when an execution was lost."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load.queue_load"],
        input=json.dumps(asdict(plan) | changes),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise Failed(f"J4: {done.stderr.strip()[-600:]}")
    result = Result(**json.loads(done.stdout))
    if result.succeeded != result.accepted:
        raise Failed(f"J4: {result.accepted} executions were accepted and {result.succeeded} succeeded")
    return result


def an_agent(service: Service, database: Database) -> str:
    """The id of an agent of the reader that can be executed; made through the API where there is one for it."""
    if service.agents:
        probe = Probe(database.url, service.agents)
        return probe.first(f"SELECT id FROM {service.agents} WHERE organization_id = '{READER}'")
    engine = scripted_engine(service.port, service.reader)
    body = {**NEW_AGENT, "name": "Scripted", "engine_id": engine, "parameters": {"replies": ["done"]}, "memory": {"mode": "none"}}
    return str(call(service.port, "POST", "/api/v1/agents", service.reader, body)["data"]["id"])
