"""What one execution of J4 costs PostgreSQL and our processes, sealing of its events included: evenly in time, and at full speed.

Everything that the server does is counted, so nothing else may use it meanwhile. Statements are counted where the server loads
`pg_stat_statements`.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import processes
from ..contestants.aasim import Aasim
from ..contestants.handmade import ROOT, Service
from ..databases import Database, fresh, settle
from ..load import executions
from ..probe import connected
from ..reporting.findings import Finding, Goal, Measurement, found
from .rounds import Options

#: Executions a second, 0 as fast as they are finished; in this order, since tables grow.
_PACES = {25: "at 25/s", 100: "at 100/s", 0: "at full speed"}
_GOALS = {"PostgreSQL": Goal("≤", 1.5, " ms"), "WAL": Goal("≤", 8, " KiB"), "statements": Goal("≤", 5)}
_UNITS = {"PostgreSQL": " ms", "API": " ms", "worker": " ms", "WAL": " KiB"}
_SEAL = """
from aasim_core.bootstrap import build_app
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.settings import Settings

app = build_app(Settings.load())
seal_everything(app.database, app.keyring)
"""
#: The tables that each execution writes.
_TABLES = ("core_event", "core_event_entry", "core_job", "executions_execution", "executions_step", "executions_log")


def measure(options: Options) -> Measurement:
    """Processor time, WAL, statements and transactions an execution, and what the tables got that it writes."""
    aasim = Aasim(queue="redis", worker=True, rows=100, settings={"AASIM_SERVER__WORKERS": "1"})
    findings: list[Finding] = []
    raw: dict[str, Any] = {}
    with fresh("postgresql", "cost") as database:
        aasim.prepare(database)
        with aasim.serving(database) as service:
            agent = executions.an_agent(service, database)
            _Cost(service, database, agent, 0).of(1)  # what is compiled, planned or cached once is not counted
            settle(database)
            for pace, name in _PACES.items():
                options.progress(f"postgresql: the cost of an execution {name}")
                raw[name] = _Cost(service, database, agent, pace).of(options.seconds * 10)
                findings += [_finding(what, name, value) for what, value in raw[name].items()]
            raw["tables"] = _tables(database)
            findings += _in_place(raw["tables"])
    return Measurement("cost", "postgresql", findings, raw=raw)


def _finding(what: str, pace: str, value: float) -> Finding:
    return found(f"{what} {pace}", value, _GOALS.get(what), unit=_UNITS.get(what, ""))


class _Cost:
    """Counts what an agent's executions cost at one pace."""

    def __init__(self, service: Service, database: Database, agent: str, pace: float) -> None:
        self._service, self._database, self._pace = service, database, pace
        self._plan = executions.plan_of(service, database, agent)
        self._connection = connected(database.url)
        self._server = _parent(self._connection.execute("SELECT pg_backend_pid()").fetchone()[0])

    def of(self, seconds: float) -> dict[str, float]:
        """The cost of one of the executions of so many seconds, in the units of `_UNITS`."""
        self._seal()
        before = self._counted()
        ended = executions.run(self._plan, seconds=seconds, pace=self._pace, look_every=0.5)
        self._seal()
        after = self._counted()
        return {what: round((value - before[what]) / ended.succeeded, 3) for what, value in after.items()}

    def _seal(self) -> None:
        environment = processes.environment({**Aasim(queue="redis").settings_for(self._database), "PYTHONPATH": str(ROOT)})
        subprocess.run([sys.executable, "-c", _SEAL], env=environment, check=True, cwd=ROOT)

    def _counted(self) -> dict[str, float]:
        api, worker = self._service.processes
        self._connection.execute("SELECT pg_stat_force_next_flush()")
        wal, commits = self._connection.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), xact_commit FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
        return {
            "PostgreSQL": 1000 * _with_ended_children(self._server),
            "API": 1000 * processes.cpu_seconds([api.pid]),
            "worker": 1000 * processes.cpu_seconds([worker.pid]),
            "WAL": float(wal) / 1024,
            "transactions": commits,
            **self._statements(),
        }

    def _statements(self) -> dict[str, float]:
        loaded = self._connection.execute("SHOW shared_preload_libraries").fetchone()[0]
        if "pg_stat_statements" not in loaded:
            return {}
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        query = """
            SELECT COALESCE(SUM(calls), 0) FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid
            WHERE datname = current_database() AND query !~* '^(BEGIN|COMMIT|SHOW|SET|SELECT id FROM executions_execution WHERE)'
        """
        return {"statements": float(self._connection.execute(query).fetchone()[0])}


def _tables(database: Database) -> dict[str, Sequence[Any]]:
    """Of each table: rows inserted, updated, updated in place, bytes of the table, bytes of its indexes."""
    query = """
        SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd, pg_table_size(relid), pg_indexes_size(relid)
        FROM pg_stat_user_tables WHERE relname = ANY(%s)
    """
    return {name: figures for name, *figures in connected(database.url).execute(query, [list(_TABLES)]).fetchall()}


def _in_place(tables: Mapping[str, Sequence[int]]) -> list[Finding]:
    """Of the updates of an execution, how many wrote no index."""
    _, updated, in_place, *_ = tables["executions_execution"]
    return [found("updates of executions that write no index", 100 * in_place / updated, unit=" %")] if updated else []


def _with_ended_children(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return processes.cpu_seconds([pid]) + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
