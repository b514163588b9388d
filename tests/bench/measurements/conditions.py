"""J4 to J8 where a database is no longer fresh: evenly at 70 % of the full rate, with ten million rows, while retention deletes as many
runs as there come, and while a transaction that only reads stays open.

Tables are vacuumed before each turn, as autovacuum does after a while.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from aasim_plugins.executions.models import Execution, LogEntry, Step

from .. import processes
from ..contestants.aasim import email, login
from ..contestants.handmade import ROOT, Service
from ..contestants.shape import READER
from ..databases import Database, fresh, settle
from ..load.web import call
from ..probe import connected
from ..reporting.findings import Finding, Goal, Measurement, found
from ..scale.rows import Writer
from . import repeated
from .repeated import Repeated
from .rounds import Options

#: Runs that ended long ago, each with a step and two lines of its log.
_RUNS, _AGE_SECONDS = 2_500_000, 500 * 86_400
#: Of the full rate, how many come evenly; and how much longer than half of them the slowest hundredth may take.
_SHARE, _SPREAD = 0.7, Goal("≤", 5)
#: How long the transaction stays open, in times of what is measured at once: ten minutes of three seconds.
_OPEN_TURNS = 200
#: To see that everything runs, rows and that time are divided by this.
_QUICK = 20
_ROWS, _RETENTION = "with 10,000,000 rows more", "while retention deletes as many"
_OPEN = "at the end of ten minutes in which a transaction reads"
_DAYS = {"kept": 3650, "deleted": 400}
_DELETE = """
import sys, time
from aasim_core.bootstrap import build_app
from aasim_core.context import organization_scope
from aasim_core.settings import Settings
from aasim_plugins.executions.log.retention import _AT_ONCE, prune_some
from tests.bench.contestants.aasim_seed import home_of

app, rate = build_app(Settings.load()), float(sys.argv[2])
with app.database.connected():
    _, organization = home_of(sys.argv[1])
    with organization_scope(organization):
        due = time.monotonic()
        while prune_some(app, organization):
            due += _AT_ONCE / rate
            time.sleep(max(0, due - time.monotonic()))
raise SystemExit("nothing is left to delete")
"""


def measure(kind: str, options: Options) -> Measurement:
    """Everything, in one database after the other has grown."""
    raw: dict[str, Mapping[str, float]] = {}
    divisor = _QUICK if options.quick else 1
    with fresh(kind, "conditions") as database, repeated.running(kind, database, options) as (service, aasim, jobs):
        turns = _Turns(database, jobs, options)
        fresh_rates = raw["fresh"] = turns.rates("a fresh database")
        raw["spread"] = turns.spread(fresh_rates)
        _retain(service, "kept")
        _fill(database, _RUNS // divisor, options.progress)
        raw[_ROWS] = turns.rates(_ROWS)
        _retain(service, "deleted")
        with _deleting(database, aasim.settings_for(database), fresh_rates["J4"]):
            raw[_RETENTION] = turns.rates(_RETENTION)
        _retain(service, "kept")
        with _reading(database):
            turns.keep_busy(_OPEN_TURNS * options.seconds / divisor)
            raw[_OPEN] = turns.rates(_OPEN)
    return Measurement("conditions", kind, list(_findings(raw)), raw=raw)


@dataclass(frozen=True)
class _Turns:
    """Measures the jobs, one after the other."""

    database: Database
    jobs: Mapping[str, Repeated]
    options: Options

    def rates(self, condition: str) -> dict[str, float]:
        """Of each job, how many a second succeed as fast as it goes: the median of the rounds."""
        self.options.progress(f"{self.database.kind}: J4 to J8, {condition}")
        turns = [self._turn() for _ in range(self.options.rounds)]
        return {name: median(turn[name] for turn in turns) for name in self.jobs}

    def _turn(self) -> dict[str, float]:
        settle(self.database)
        return {name: job.rate() for name, job in self.jobs.items()}

    def spread(self, rates: Mapping[str, float]) -> dict[str, float]:
        """How much longer the slowest hundredth takes than half of them, where they come evenly at a share of these rates."""
        self.options.progress(f"{self.database.kind}: J4 to J7 at {_SHARE:.0%} of the full rate")
        return {name: job.spread(rates[name] * _SHARE) for name, job in self.jobs.items() if job.spread is not None}

    def keep_busy(self, seconds: float) -> None:
        """Run everything, turn after turn, for so long."""
        self.options.progress(f"{self.database.kind}: {seconds:.0f} seconds with an open transaction")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._turn()


def _retain(service: Service, what: str) -> None:
    """Have what is old kept or deleted."""
    token = login(service.port, READER)
    organization = call(service.port, "GET", "/api/v1/organizations", token)["data"]["items"][0]["id"]
    days = {f"{each}_days": _DAYS[what] for each in ("log", "payload", "record")}
    call(service.port, "PATCH", f"/api/v1/organizations/{organization}", token, {"settings": {"executions": days}})


def _fill(database: Database, count: int, progress: Callable[[str], None]) -> None:
    """Write the old runs, of the organization and in the form of the one that ended last."""
    connection = connected(database.url)
    query = "SELECT organization_id, subject_id FROM executions_execution WHERE status = 'succeeded' AND kind = 'agent' LIMIT 1"
    organization, agent = connection.execute(query).fetchone()
    connection.close()
    writer = Writer(database.url, lambda table, done, of: progress(f"{database.kind}: {table}, {done:,} of {of:,}"))
    run_id, moment = writer.words.id("exec"), writer.words.moment(f"{int(time.time()) - _AGE_SECONDS} + n / 100")
    own, times = {"organization_id": organization}, {"created_at": moment, "started_at": moment, "finished_at": moment}
    run = {**own, "kind": "agent", "subject_type": "agent", "subject_id": agent, "subject_version": 1, "status": "succeeded"}
    told = {"input": "Hello.", "output": "Done.", "trigger": {"type": "api", "id": None}, "trigger_type": "api"}
    writer.write(Execution, count, {**run, **told}, id=run_id, root_id=run_id, **times)
    step = {**own, "number": 1, "name": "engine", "result": {"text": "Done."}}
    writer.write(Step, count, step, id=writer.words.id("step"), execution_id=run_id, **times)
    line = {**own, "level": "info", "event": "engine", "message": "The engine answered in 1.2 seconds."}
    whose = {"execution_id": writer.words.id("exec", "1 + (n - 1) / 2"), "sequence": "1 + (n - 1) % 2"}
    writer.write(LogEntry, 2 * count, line, occurred_at=moment, **whose)
    writer.finish()


@contextmanager
def _deleting(database: Database, settings: Mapping[str, str], rate: float) -> Iterator[None]:
    """So many old runs a second are deleted while the body runs."""
    command = [sys.executable, "-c", _DELETE, email(READER), str(rate)]
    log = database.folder / "deleting.log"
    with processes.running([command], {**settings, "PYTHONPATH": str(ROOT)}, log, lambda: True) as [deleting]:
        yield
        if deleting.poll() is not None:
            raise RuntimeError(f"nothing was deleted in the end: {processes.tail(log)}")


@contextmanager
def _reading(database: Database) -> Iterator[None]:
    """A transaction that has read, and stays open while the body runs."""
    connection = connected(database.url)
    try:
        connection.execute("BEGIN" if database.kind == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM core_job").fetchone()
        yield
    finally:
        connection.close()


def _findings(raw: Mapping[str, Mapping[str, float]]) -> Iterator[Finding]:
    for job, before in raw["fresh"].items():
        if job in raw["spread"]:
            yield found(f"{job}: p99 ÷ p50 at {_SHARE:.0%} of the full rate", raw["spread"][job], _SPREAD)
        for condition in (_ROWS, _RETENTION, _OPEN):
            yield found(f"{job} {condition}, × fresh", raw[condition][job] / before)
