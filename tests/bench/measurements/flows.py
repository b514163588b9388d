"""J8: how soon ten thousand job flows are started that are due at the same time, and what a hundred thousand cost that are not due.

More of them are one organization's than executions may wait in it by default. With that `queue_limit`, the last ones start when most runs
have ended, so it is told how soon these do; the goal is for a limit that an organization with so many has.
"""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from aasim_core.clock import to_text

from .. import processes
from ..contestants import aasim
from ..contestants.aasim import Aasim
from ..contestants.handmade import ROOT, Service
from ..contestants.shape import NEW_AGENT, READER
from ..databases import Database, fresh, settle
from ..load import executions
from ..load.web import call
from ..probe import connected
from ..reporting.findings import Finding, Goal, Measurement, found
from .rounds import Options

#: The flows of one organization, and those of each of some smaller ones, that are due at the same time; and those that are not due.
LARGE, SMALL, SMALLER_ONES, IDLE = 5_100, 100, 49, 100_000
#: How many executions may wait in an organization: the default, and as many as there are flows.
_DEFAULT, _ENOUGH = 1_000, 10_000
_AHEAD = timedelta(seconds=20)
_PATIENCE, _LOOKED_AT = 600, 20


def measure(kind: str, options: Options) -> Measurement:
    """Seconds until all flows are started that are due in one moment, and the processor time of a worker with flows that are not."""
    server = _server(kind, _ENOUGH)
    large, small, idle = (number // 50 if options.quick else number for number in (LARGE, SMALL, IDLE))
    with fresh(kind, "flows") as database:
        options.progress(f"{kind}: making the database")
        server.prepare(database)
        with server.serving(database) as service:
            agents = _agents(service, database)
            without = _processor_time(service)
            options.progress(f"{kind}: {idle:,} job flows that are not due")
            [first] = list(agents)[:1]
            seed(server, database, "never", {first: (agents[first], idle)})
            settle(database)
            with_idle = _processor_time(service)  # first, since what is started has work of its own for minutes
            options.progress(f"{kind}: {large + SMALLER_ONES * small:,} job flows that are due at the same time")
            started = _started(server, database, agents, large, small)
        with _server(kind, _DEFAULT).serving(database):
            options.progress(f"{kind}: the same, where {_DEFAULT:,} executions may wait in an organization")
            limited = _started(server, database, agents, large, small)
    findings = _findings(started, limited, without, with_idle, idle)
    return Measurement("J8", kind, findings, raw={"started": started, "limited": limited, "without": without, "with": with_idle})


def _server(kind: str, queue_limit: int) -> Aasim:
    settings = {"AASIM_SERVER__WORKERS": "1", "AASIM_EXECUTIONS__QUEUE_LIMIT": str(queue_limit)}
    return Aasim(queue="redis" if kind == "postgresql" else "sqlite", worker=True, rows=0, settings=settings)


def _agents(service: Service, database: Database) -> dict[str, str]:
    """An agent of each organization, by the address of its user; the first one is the large organization's."""
    agents = {aasim.email(READER): executions.an_agent(service, database)}
    for number in range(SMALLER_ONES):
        name = f"smaller_{number}"
        token = aasim.register(service.port, name)
        body = {
            **NEW_AGENT,
            "name": "Scripted",
            "engine_id": aasim.scripted_engine(service.port, token),
            "parameters": {"replies": ["done"]},
        }
        body["memory"] = {"mode": "none"}
        agents[aasim.email(name)] = call(service.port, "POST", "/api/v1/agents", token, body)["data"]["id"]
    return agents


def _started(server: Aasim, database: Database, agents: dict[str, str], large: int, small: int) -> dict[str, float]:
    """Seconds from the due time to the start of the last flow, of all and of the smaller organizations, and how many were started."""
    due_at = (datetime.now(UTC) + _AHEAD).replace(microsecond=0)
    wanted = {email: (agent, small if number else large) for number, (email, agent) in enumerate(agents.items())}
    seed(server, database, due_at.isoformat(), wanted)
    count = sum(number for _, number in wanted.values())
    started = f"FROM job_flows_firing WHERE outcome = 'started' AND due_at = '{to_text(due_at)}'"
    connection = connected(database.url)
    try:
        _wait(connection, f"SELECT count(*) >= {count} {started}", "the start of all flows")
        [[slowest, rows, flows]] = connection.execute(f"SELECT max(lateness_ms), count(*), count(DISTINCT flow_id) {started}")
        of_large = f"(SELECT organization_id FROM agents_agent WHERE id = '{next(iter(agents.values()))}')"
        [[fair]] = connection.execute(f"SELECT max(lateness_ms) {started} AND organization_id <> {of_large}")
        _wait(connection, "SELECT count(*) = 0 FROM executions_execution WHERE finished_at IS NULL", "the end of all runs")
    finally:
        connection.close()
    return {"seconds": slowest / 1000, "smaller": fair / 1000, "flows": flows, "twice": rows - flows}


def _wait(connection: Any, query: str, what: str) -> None:
    processes.eventually(lambda: next(iter(connection.execute(query)))[0], what, seconds=_PATIENCE, pause=0.5)


def seed(server: Aasim, database: Database, due: str, wanted: dict[str, tuple[str, int]]) -> None:
    """Write flows that are `due` at that time, or `never`: so many, of an agent, by the address of its user."""
    told = [f"{email}={agent}={count}" for email, (agent, count) in wanted.items()]
    environment = processes.environment({**server.settings_for(database), "PYTHONPATH": str(ROOT)})
    subprocess.run(
        [sys.executable, "-m", "tests.bench.measurements.flows_seed", due, *told], env=environment, check=True, cwd=ROOT
    )


def _processor_time(service: Service) -> float:
    """Seconds of a processor that the worker takes in a second in which there is nothing to do."""
    worker = [service.processes[-1].pid]
    time.sleep(5)
    before = processes.cpu_seconds(worker)
    time.sleep(_LOOKED_AT)
    return (processes.cpu_seconds(worker) - before) / _LOOKED_AT


def _findings(started: dict[str, float], limited: dict[str, float], without: float, with_idle: float, idle: int) -> list[Finding]:
    return [
        found(
            f"{started['flows']:,.0f} due at the same time, until the last one is started",
            started["seconds"],
            Goal("≤", 60, " s"),
        ),
        found(
            f"the same, of the {SMALLER_ONES} organizations with a fiftieth of the flows of the largest",
            started["smaller"],
            unit=" s",
        ),
        found(
            f"{limited['flows']:,.0f} due at the same time, where no more than {_DEFAULT:,} may wait in an organization",
            limited["seconds"],
            unit=" s",
        ),
        found("flows started twice", started["twice"] + limited["twice"], Goal("≤", 0)),
        found(
            f"processor time of a worker with {idle:,} flows that are not due, less that without",
            100 * (with_idle - without),
            Goal("≤", 1, " %"),
        ),
    ]
