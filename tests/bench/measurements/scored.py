"""What it costs to score every result: executions with a rubric beside the same ones without, and none that is not scored."""

from dataclasses import asdict
from typing import Any

from ..contestants.aasim import Aasim
from ..databases import Database, fresh
from ..load import executions
from ..load.web import Failed, call
from ..probe import connected
from ..reporting.findings import Finding, Goal, Measurement, found
from .rounds import Options

#: So many executions are scored, at least.
MANY = 10_000
_TIMES = {"p50": Goal("≤", 15, " ms"), "p95": Goal("≤", 40, " ms")}
_RUBRIC = {
    "name": "Done",
    "criteria": [
        {"key": "says", "weight": 0.5, "grader": "contains", "parameters": {"values": ["done"]}},
        {"key": "short", "weight": 0.5, "grader": "length", "parameters": {"max": 60, "unit": "words"}},
    ],
}


def measure(kind: str, options: Options) -> Measurement:
    """Executions per second without a rubric and with one, and how soon scored ones end at 25 a second."""
    queue = "redis" if kind == "postgresql" else "sqlite"
    aasim = Aasim(queue=queue, worker=True, rows=100, settings={"AASIM_SERVER__WORKERS": "1"})
    with fresh(kind, "scored") as database:
        options.progress(f"{kind}: executions without a rubric")
        aasim.prepare(database)
        with aasim.serving(database) as service:
            agent = executions.an_agent(service, database)
            plain = executions.measured(service, database, agent_id=agent, seconds=options.seconds, idle=0)
            _add_rubric(service, agent)
            options.progress(f"{kind}: {MANY:,} executions with one")
            seconds = max(options.seconds, MANY / plain.rate * 3)
            scored = executions.measured(service, database, agent_id=agent, seconds=seconds, idle=0)
        count = _scored(database)
    return Measurement("rubrics", kind, _findings(plain.rate, scored, count), raw=[asdict(plain), asdict(scored)])


def _findings(plain: float, scored: executions.Figures, count: int) -> list[Finding]:
    times = [found(f"{name} at 25/s, scored", getattr(scored, name), goal) for name, goal in _TIMES.items()]
    return [
        found("executions scored", count, Goal("≥", MANY)),
        found("executions per second, scored ÷ not scored", scored.rate / plain, Goal("≥", 0.5)),
        *times,
    ]


def _add_rubric(service: Any, agent_id: str) -> None:
    agent = call(service.port, "GET", f"/api/v1/agents/{agent_id}", service.reader)["data"]
    call(service.port, "POST", f"/api/v1/engines/{agent['engine_id']}/rubrics", service.reader, _RUBRIC)


def _scored(database: Database) -> int:
    """How many executions have a score; `Failed` when one that succeeded has none of its criteria."""
    connection = connected(database.url)
    try:
        [[scored]] = connection.execute("SELECT count(*) FROM executions_execution WHERE score = 1")
        [[rows]] = connection.execute("SELECT count(*) FROM rubrics_score")
    finally:
        connection.close()
    if rows != scored * len(_RUBRIC["criteria"]):
        raise Failed(f"{scored} executions were scored, and {rows} scores were kept")
    return int(scored)
