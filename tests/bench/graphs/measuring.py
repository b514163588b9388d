"""J5 to J6: runs of a workflow from POST to *succeeded*, beside as many jobs by hand, and beside DBOS doing the same graph."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from statistics import median

from .. import processes
from ..contestants.aasim import Aasim
from ..contestants.handmade import JOB_TABLE, PEER_ENVIRONMENT, ROOT, Service
from ..databases import Database, fresh, settle
from ..load import executions, generator
from ..load.queue_load import Plan
from ..load.web import call
from ..measurements.rounds import Options, ratio
from ..probe import connected
from ..reporting.findings import Finding, Goal, Measurement, found
from .jobs import JOBS

__all__ = ["JOBS", "measure", "new_workflow", "plan_of", "product"]

Figures = dict[str, float]
_PLUGINS = Path(__file__).parent / "plugins"
_FLOOR, _PEER, _OURS = "job_table", "dbos", "aasim"
#: Runs that wait at the same time, when as many as possible are to end; and how many seconds the last one may take.
_BACKLOG, _PATIENCE = 100, 240
#: Of the items of a run, how many at its beginning and at its end are compared.
_COMPARED = 200
#: Of these, one run is made at a time.
_ALONE = frozenset({"J5b", "J6", "J6r"})
_FORKS, _LOOPS = frozenset({"J5", "J5r"}), frozenset({"J6", "J6r"})
#: Only Aasim does these: for the others they are J5 and J6, since they have one kind of call.
_OURS_ONLY = frozenset({"J5r", "J6r"})
_GOALS: Mapping[str, Mapping[str, Goal]] = {
    "J5": {_FLOOR: Goal("≥", 0.3), _PEER: Goal("≥", 1), "p50": Goal("≤", 15, " ms"), "p50 at 100/s": Goal("≤", 25, " ms")},
    "J5b": {_PEER: Goal("≥", 1)},
    "J5c": {"p50": Goal("≤", 15, " ms")},
    "J6": {_FLOOR: Goal("≥", 0.3), "last": Goal("≤", 1.2)},
}
#: How long four hundred nodes may take.
_CHAIN = {"postgresql": Goal("≤", 1_200, " ms"), "sqlite": Goal("≤", 1_500, " ms")}


@dataclass(frozen=True)
class Contestant:
    """Who does the jobs: `turn` measures each of them once, on the database that `prepare` has made."""

    name: str
    title: str
    prepare: Callable[[Database], None]
    turn: Callable[[Database], Mapping[str, Figures]]


def measure(jobs: Sequence[str], kind: str, options: Options) -> list[Measurement]:
    """The jobs, by each contestant in turn."""
    raw: dict[str, list[Mapping[str, Figures]]] = defaultdict(list)
    shared = [job for job in jobs if job not in _OURS_ONLY]
    made = [_floor(shared, options), _product(jobs, kind, options), _dbos(shared, options)]
    contestants = [each for each in made if not options.only or each.name in options.only]
    with ExitStack() as stack:
        databases = {each.name: stack.enter_context(fresh(kind, each.name)) for each in contestants}
        for contestant in contestants:
            options.progress(f"{kind}: making the database of {contestant.title}")
            contestant.prepare(databases[contestant.name])
        for number in range(options.rounds):
            for contestant in contestants:
                options.progress(f"{kind}: round {number + 1} of {options.rounds}, {contestant.title}")
                raw[contestant.name].append(contestant.turn(databases[contestant.name]))
    titles = {each.name: each.title for each in contestants}
    return [_compared(job, kind, titles, _of_job(job, raw)) for job in jobs]


def _of_job(job: str, raw: Mapping[str, Sequence[Mapping[str, Figures]]]) -> Mapping[str, list[Figures]]:
    """The turns of those who have done the job."""
    return {name: [turn[job] for turn in turns] for name, turns in raw.items() if job in turns[0]}


def _compared(job: str, kind: str, titles: Mapping[str, str], raw: Mapping[str, list[Figures]]) -> Measurement:
    rates = {titles[name]: median(turn["rate"] for turn in turns) for name, turns in raw.items()}
    return Measurement(job, kind, list(_findings(job, kind, raw)), rates, raw)


def _floor(jobs: Sequence[str], options: Options) -> Contestant:
    module = ("-m", "tests.bench.graphs.by_hand")
    by_hand = replace(JOB_TABLE, seed=(*module, "prepare"), commands=(JOB_TABLE.commands[0], module))

    def turn(database: Database) -> Mapping[str, Figures]:
        with by_hand.serving(database) as service:
            path = f"/api/v1/agents/{executions.an_agent(service, database)}/execute"
            plans = {job: plan_of(service, database, path, job) for job in jobs}
            return {job: _measured(job, plan, database, options) for job, plan in plans.items()}

    return Contestant(_FLOOR, by_hand.title, by_hand.prepare, turn)


def product(kind: str) -> Aasim:
    """Aasim with the tools of the jobs, one API process and one worker."""
    settings = {"AASIM_SERVER__WORKERS": "1", "AASIM_PLUGINS__FOLDER": str(_PLUGINS), "AASIM_PLUGINS__ENABLED": '["levers"]'}
    return Aasim(queue="redis" if kind == "postgresql" else "sqlite", worker=True, rows=0, settings=settings)


def _product(jobs: Sequence[str], kind: str, options: Options) -> Contestant:
    aasim = product(kind)

    def turn(database: Database) -> Mapping[str, Figures]:
        with aasim.serving(database) as service:
            plans = {job: plan_of(service, database, new_workflow(job, service), JOBS[job].given) for job in jobs}
            return {job: _measured(job, plan, database, options) | _items(job, database) for job, plan in plans.items()}

    return Contestant(_OURS, aasim.title, aasim.prepare, turn)


def new_workflow(job: str, service: Service) -> str:
    """Where to execute a new workflow."""
    body = {"name": f"{job} {token_hex(4)}", "status": "active", "definition": JOBS[job].definition}
    workflow = call(service.port, "POST", "/api/v1/workflows", service.reader, body)["data"]["id"]
    return f"/api/v1/workflows/{workflow}/execute"


def plan_of(service: Service, database: Database, path: str, given: object) -> Plan:
    """Runs of what is executed there, of which as many wait as may."""
    request = generator.request("POST", path, service.reader, {"input": given})
    return Plan(service.port, request, database.url, service.executions, backlog=_BACKLOG)


def _measured(job: str, plan: Plan, database: Database, options: Options) -> Figures:
    """Runs a second, and milliseconds from POST to success; the first run is not counted."""
    executions.run(plan, seconds=1, pace=1, look_every=0.01, patience=_PATIENCE)
    settle(database)
    if job in _ALONE:
        took = executions.run(plan, seconds=1, pace=1, look_every=0.01, patience=_PATIENCE).p50
        return {"rate": 1000 / took, "p50": took}
    even = executions.run(plan, seconds=options.seconds, pace=10, patience=_PATIENCE)
    if job not in _FORKS:
        return {"rate": 1000 / even.p50, "p50": even.p50, "p95": even.p95}
    sustained = executions.run(plan, seconds=options.seconds)
    fast = executions.run(plan, seconds=options.seconds, pace=100, patience=_PATIENCE)
    return {"rate": sustained.rate, "p50": even.p50, "p95": even.p95, "p50 at 100/s": fast.p50}


def _items(job: str, database: Database) -> Figures:
    """How much longer the last items of the last run took than the first ones, in J6."""
    if job not in _LOOPS:
        return {}
    newest = "SELECT execution_id FROM workflows_node GROUP BY execution_id HAVING count(*) > 1000 ORDER BY max(finished_at) DESC LIMIT 1"
    query = f"SELECT finished_at FROM workflows_node WHERE execution_id = ({newest}) AND node = 'pull0' ORDER BY finished_at"
    connection = connected(database.url)
    ended = [datetime.fromisoformat(str(at)) for (at,) in connection.execute(query)]
    connection.close()
    return {"last": (ended[-10] - ended[-10 - _COMPARED]) / (ended[_COMPARED + 10] - ended[10])}


def _dbos(jobs: Sequence[str], options: Options) -> Contestant:
    even = [int(options.seconds * 10), 10]
    plans = {"J5": [[int(options.seconds * 16), 0], even], "J5c": [even]}

    def one(database: Database, job: str) -> Figures:
        command = [str(PEER_ENVIRONMENT / "bin" / "python"), "-m", "tests.bench.graphs.peer_dbos", database.url, job]
        environment = processes.environment({"PYTHONPATH": str(ROOT)})
        plan = json.dumps(plans.get(job, [[1, 0]]))
        done = subprocess.run(command, input=plan, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        parts: Sequence[Figures] = json.loads(done.stdout.splitlines()[-1])
        return {**parts[-1], "rate": parts[0]["rate"] if job == "J5" else 1000 / parts[0]["p50"]}

    return Contestant(
        _PEER, "DBOS, in process", lambda database: None, lambda database: {job: one(database, job) for job in jobs}
    )


def _findings(job: str, kind: str, raw: Mapping[str, list[Figures]]) -> Iterator[Finding]:
    if _OURS not in raw:
        return
    goals, middle = _GOALS.get(job, {}), lambda name, figure: median(turn[figure] for turn in raw[name])
    if _FLOOR in raw:
        yield found("× floor", ratio(raw[_OURS], raw[_FLOOR]), goals.get(_FLOOR))
    if _PEER in raw:
        yield found("× DBOS, in process", ratio(raw[_OURS], raw[_PEER]), goals.get(_PEER))
    if job in _ALONE:
        yield found("from POST to success", middle(_OURS, "p50"), _CHAIN[kind] if job == "J5b" else None, unit=" ms")
    else:
        yield found("p50 at 10/s", middle(_OURS, "p50"), goals.get("p50"), unit=" ms")
        yield found("p95 at 10/s", middle(_OURS, "p95"), unit=" ms")
    if job in _FORKS:
        yield found("p50 at 100/s", middle(_OURS, "p50 at 100/s"), goals.get("p50 at 100/s"), unit=" ms")
    if _PEER in raw:
        yield found("the same of DBOS, p50", middle(_PEER, "p50"), unit=" ms")
    if job in _LOOPS:
        yield found(f"time of the last {_COMPARED} items × that of the first", middle(_OURS, "last"), goals.get("last"))
