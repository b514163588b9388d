"""J4 to J8 on one installation that keeps running, each so that it can be measured again and again.

J6 is one run at a time, as it is elsewhere; J8 are flows of one organization, as many as may wait there.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from .. import processes
from ..contestants.aasim import Aasim, email
from ..contestants.handmade import Service
from ..contestants.shape import READER
from ..databases import Database
from ..graphs.measuring import JOBS, new_workflow, plan_of, product
from ..load import executions
from ..load.generator import percentile
from ..load.queue_load import Plan, Result
from ..load.web import call
from ..probe import connected
from ..webhooks.measuring import ON_LOOPBACK, at_once, evenly, receiving, source_of, subscribe
from . import flows
from .rounds import Options

#: So many runs come evenly at least: fewer have no slowest hundredth.
_LEAST = 30
#: How many flows are due at the same time, and how long before that they are written.
_FLOWS, _AHEAD = 900, timedelta(seconds=6)
_STARTED = "SELECT lateness_ms FROM job_flows_firing WHERE outcome = 'started' AND due_at = '{due}'"
_GOING = "SELECT 1 FROM executions_execution WHERE finished_at IS NULL LIMIT 1"


@dataclass(frozen=True)
class Repeated:
    """A job: how many a second as fast as it goes, and how much longer the slowest hundredth takes than half, where so many come evenly."""

    rate: Callable[[], float]
    spread: Callable[[float], float] | None = None


@contextmanager
def running(kind: str, database: Database, options: Options) -> Iterator[tuple[Service, Aasim, Mapping[str, Repeated]]]:
    """An installation, and its jobs, each of which has been done once: what is compiled, planned or cached then is not measured."""
    graphs = product(kind)
    aasim = replace(graphs, settings={**graphs.settings, **ON_LOOPBACK})
    aasim.prepare(database)
    with receiving() as url, aasim.serving(database) as service:
        agent = executions.an_agent(service, database)
        subscribe(service, url)
        with_a_key = replace(service, reader=_key(service))
        plans = {
            "J4": executions.plan_of(with_a_key, database, agent),
            **{job: plan_of(with_a_key, database, new_workflow(job, service), JOBS[job].given) for job in ("J5", "J6")},
        }
        jobs = {
            **{job: _runs(plan, options, is_alone=job == "J6") for job, plan in plans.items()},
            "J7": _deliveries(aasim, database, url, options),
            "J8": Repeated(lambda: _flows(aasim, database, agent)),
        }
        for job in jobs.values():
            job.rate()
        yield service, aasim, jobs


def _key(service: Service) -> str:
    """The key of the reader's that runs things: it outlives an access token, as what is measured does."""
    body = {"name": "Runs", "scopes": ["agents:execute", "workflows:execute"]}
    return str(call(service.port, "POST", "/api/v1/api-keys", service.reader, body)["data"]["key"])


def _runs(plan: Plan, options: Options, *, is_alone: bool) -> Repeated:
    def paced(seconds: float, pace: float) -> Result:
        return executions.run(plan, seconds=seconds, pace=pace, look_every=0.002)

    def spread(pace: float) -> float:
        even = paced(max(options.seconds * options.rounds, _LEAST / pace), pace)
        return even.p99 / even.p50

    if is_alone:
        return Repeated(lambda: 1000 / paced(options.seconds, 1).p50, spread)
    return Repeated(lambda: executions.run(plan, seconds=options.seconds).rate, spread)


def _deliveries(aasim: Aasim, database: Database, url: str, options: Options) -> Repeated:
    source = source_of(aasim)

    def spread(pace: float) -> float:
        took = evenly(source, database, url, options.seconds * options.rounds, pace)
        return percentile(took, 0.99) / percentile(took, 0.5)

    return Repeated(lambda: at_once(source, database, url, options.seconds), spread)


def _flows(aasim: Aasim, database: Database, agent: str) -> float:
    """Flows a second that are due at the same time, until the last of them is started; when their runs have ended."""
    due_at = (datetime.now(UTC) + _AHEAD).replace(microsecond=0)
    flows.seed(aasim, database, due_at.isoformat(), {email(READER): (agent, _FLOWS)})
    query = _STARTED.format(due=f"{due_at:%Y-%m-%dT%H:%M:%S}.000Z")
    connection = connected(database.url)
    try:
        found: list[int] = []

        def are_started() -> bool:
            found[:] = [late for (late,) in connection.execute(query)]
            return len(found) == _FLOWS

        processes.eventually(are_started, "the start of all flows", seconds=300, pause=0.5)
        processes.eventually(lambda: not list(connection.execute(_GOING)), "the end of their runs", seconds=300, pause=0.5)
    finally:
        connection.close()
    return 1000 * _FLOWS / max(found)
