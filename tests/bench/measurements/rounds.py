"""Interleaved rounds of J1 to J4: each round starts every contestant in turn, and only ratios within a round are compared."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import count
from statistics import median
from typing import Any

from ..contestants.aasim import Aasim
from ..contestants.handmade import BARE_QUEUE, FLOOR, JOB_TABLE, QUEUE_PEERS, WEB_PEERS, Contestant, Service
from ..databases import Database, fresh, settle
from ..load import executions, web
from ..reporting.findings import Finding, Goal, Measurement, found

_GOALS = {
    "J1": (Goal("≥", 0.7), Goal("≥", 4)),
    "J1t": (Goal("≥", 0.7), None),
    "J2": (Goal("≥", 0.7), Goal("≥", 4)),
    "J3": (Goal("≥", 0.6), Goal("≥", 2.5)),
    "J4": (Goal("≥", 0.4), Goal("≥", 1)),
}
_TIMES = {"p50": Goal("≤", 15, " ms"), "p95": Goal("≤", 40, " ms"), "first_after_idling": Goal("≤", 20, " ms")}
_TIME_NAMES = {"p50": "p50 at 25/s", "p95": "p95 at 25/s", "first_after_idling": "first after idling"}


@dataclass(frozen=True)
class Options:
    """How long and how often to measure; `only` names the contestants to take (all when empty).

    `quick` is whether only to see that everything runs: with less data, and nothing is kept.
    """

    rounds: int = 5
    seconds: float = 3
    warm_up: float = 0.5
    idle: float = 3
    only: Sequence[str] = ()
    quick: bool = False
    progress: Callable[[str], None] = lambda text: None

    def chosen(self, contestants: Sequence[Contestant]) -> list[Contestant]:
        """The contestants to take."""
        return [contestant for contestant in contestants if not self.only or contestant.name in self.only]


def web_jobs(jobs: Sequence[str], kind: str, options: Options) -> list[Measurement]:
    """J1 to J3 on one kind of database."""
    numbers = count()

    def measure(service: Service, _: Database) -> dict[str, Any]:
        seconds, warm_up = options.seconds, options.warm_up
        return {job: asdict(web.measured(service, job, seconds=seconds, warm_up=warm_up, numbers=numbers)) for job in jobs}

    contestants = options.chosen([FLOOR, Aasim(), *WEB_PEERS])
    raw = _rounds(contestants, kind, measure, options)
    return [
        _compared(job, kind, contestants, {name: [turn[job] for turn in turns] for name, turns in raw.items()}) for job in jobs
    ]


def queue_job(kind: str, options: Options) -> list[Measurement]:
    """J4 on one kind of database; the product's queue is SQLite beside SQLite, Redis beside PostgreSQL."""
    agents: dict[str, str] = {}

    def measure(service: Service, database: Database) -> dict[str, Any]:
        agent = agents.setdefault(database.url, "") or executions.an_agent(service, database)
        agents[database.url] = agent
        return asdict(executions.measured(service, database, agent_id=agent, seconds=options.seconds, idle=options.idle))

    aasim = Aasim(
        queue="redis" if kind == "postgresql" else "sqlite", worker=True, rows=100, settings={"AASIM_SERVER__WORKERS": "1"}
    )
    contestants = options.chosen([JOB_TABLE, aasim, *QUEUE_PEERS, BARE_QUEUE])
    raw = _rounds(contestants, kind, measure, options)
    return [_compared("J4", kind, contestants, raw)]


def _rounds(
    contestants: Sequence[Contestant], kind: str, measure: Callable[[Service, Database], Any], options: Options
) -> dict[str, list[Any]]:
    raw: dict[str, list[Any]] = defaultdict(list)
    with ExitStack() as stack:
        databases = {}
        for contestant in contestants:
            options.progress(f"{kind}: filling the database of {contestant.title}")
            databases[contestant.name] = stack.enter_context(fresh(kind, contestant.name))
            contestant.prepare(databases[contestant.name])
            settle(databases[contestant.name])
        for number in range(options.rounds):
            for contestant in contestants:
                options.progress(f"{kind}: round {number + 1} of {options.rounds}, {contestant.title}")
                with contestant.serving(databases[contestant.name]) as service:
                    raw[contestant.name].append(measure(service, databases[contestant.name]))
    return dict(raw)


def _compared(job: str, kind: str, contestants: Sequence[Contestant], raw: dict[str, list[Any]]) -> Measurement:
    rates = {contestant.title: median(turn["rate"] for turn in raw[contestant.name]) for contestant in contestants}
    return Measurement(job, kind, list(_findings(job, raw)), rates, raw)


def _findings(job: str, raw: dict[str, list[Any]]) -> Iterator[Finding]:
    if "aasim" not in raw:
        return
    floor = next((name for name in raw if name in (FLOOR.name, JOB_TABLE.name)), None)
    peers = [name for name in raw if name not in ("aasim", floor, BARE_QUEUE.name)]
    to_floor, to_peer = _GOALS[job]
    if floor:
        yield found("× floor", ratio(raw["aasim"], raw[floor]), to_floor)
    if peers:
        best = max(peers, key=lambda name: median(turn["rate"] for turn in raw[name]))
        yield found("× best peer", ratio(raw["aasim"], raw[best]), to_peer, note=best)
    if BARE_QUEUE.name in raw:
        yield found("× a queue with all around it by hand", ratio(raw["aasim"], raw[BARE_QUEUE.name]), note="huey")
    if job == "J4":
        for key, goal in _TIMES.items():
            yield found(_TIME_NAMES[key], median(turn[key] for turn in raw["aasim"]), goal)


def ratio(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    """The median of the ratios of rates, round by round."""
    return round(float(median(mine["rate"] / other["rate"] for mine, other in zip(ours, theirs, strict=True))), 3)
