"""Enqueue jobs: rows in the transaction of the change that needs them, and a notification after its commit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import peewee
from peewee import SQL

from ..clock import now, to_text
from ..context import EVERY_ORGANIZATION, current_actor, current_request_id, current_scope, current_traceparent, system_scope
from ..data.compiled import compiled
from ..data.records import database_of
from ..data.scope import TENANT_COLUMN, ScopeViolation
from ..data.statements import Bind
from ..ids import new_id
from ..text.json import to_json
from .declarations import Job
from .records import QUEUED, READY, UNIQUE, JobRow

if TYPE_CHECKING:
    from ..data.database import Database
    from ..data.transactions import Transaction

# PostgreSQL takes 65,535 parameters in a statement, SQLite 32,766.
_ROWS_IN_A_STATEMENT = 100


def enqueue(
    name: str,
    payload: Mapping[str, Any],
    *,
    run_at: datetime | None = None,
    priority: int = 0,
    unique_key: str | None = None,
    organization_id: str | None = None,
    plugin: str | None = None,
) -> str:
    """Have a worker run the job `name`, once the running transaction has committed and `run_at` has come; returns the job's id.

    The job belongs to the organization in scope; in a system scope to `organization_id`, or to the system. Among an organization's ready
    jobs a higher `priority` runs first; organizations take turns.

    Of the jobs with one `unique_key` (and name and organization) at most one waits and at most one runs. If one waits already, it is moved
    up to `run_at` and `priority`, and the id returned here names no job. A running one does not count, because it may already have read
    what has just changed; the new one runs after it.

    The job is parked while the plugin that declares it is disabled; `plugin` names another one, to which the same applies.
    """
    transaction = database_of(JobRow).current_transaction()
    moment = now()
    due = moment if run_at is None else max(run_at, moment)
    row = {
        "id": new_id("job"),
        "organization_id": _owner(organization_id),
        "name": name,
        "plugin": plugin,
        "payload": to_json(payload).decode(),
        "state": QUEUED,
        "delayed": due > moment,
        "run_at": to_text(due),
        "priority": priority,
        "attempt": 0,
        "crash_count": 0,
        "unique_key": unique_key,
        "request_id": current_request_id(),
        "traceparent": current_traceparent(),
        "actor": to_json(vars(current_actor())).decode(),
        "created_at": to_text(moment),
    }
    unique = row["id"] if unique_key is None else (row["organization_id"], name, unique_key)
    queued = transaction.jobs.setdefault(unique, row)
    if queued is not row:
        _bring_forward(queued, row)
    return str(queued["id"])


def _bring_forward(job: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Move a waiting job up to the earlier time and higher priority of the other."""
    job["delayed"] = job["delayed"] and other["delayed"]
    job["run_at"], job["priority"] = min(job["run_at"], other["run_at"]), max(job["priority"], other["priority"])


def _owner(organization_id: str | None) -> str:
    scope = current_scope()
    if organization_id not in (None, scope) and scope != EVERY_ORGANIZATION:
        raise ScopeViolation(
            "a job belongs to the organization in scope; enqueue another one's, or the system's, in a system scope"
        )
    return organization_id or scope


def flush(transaction: "Transaction", database: "Database", jobs: Mapping[str, Job], notify: Callable[[], object]) -> None:
    """Write the jobs of `transaction` before it commits, and call `notify` after the commit; LookupError for one that is not in `jobs`."""
    if not transaction.jobs:
        return
    scope = current_scope()
    rows = [{**row, **_declared(jobs, row)} for row in transaction.jobs.values()]
    mine = [row for row in rows if scope in (EVERY_ORGANIZATION, row["organization_id"])]
    others = [row for row in rows if scope not in (EVERY_ORGANIZATION, row["organization_id"])]
    _insert(database, mine)
    if others:
        with system_scope("write jobs that were enqueued in a system scope"):
            _insert(database, others)
    if not all(row["delayed"] for row in rows):
        transaction.after_commit.append(notify)


def _declared(jobs: Mapping[str, Job], row: Mapping[str, Any]) -> dict[str, Any]:
    job = jobs.get(row["name"])
    if job is None:
        raise LookupError(f"job {row['name']!r} is not declared; return it from the plugin's jobs hook")
    return {"plugin": row["plugin"] or job.plugin, "max_attempts": job.retry.max_attempts}


def _insert(database: "Database", rows: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(rows), _ROWS_IN_A_STATEMENT):
        part = rows[start : start + _ROWS_IN_A_STATEMENT]
        unique = any(row["unique_key"] is not None for row in part)
        statement = database.statement(_insert_query, tuple(part[0]), len(part), unique)
        values = {f"{column}#{n}": value for n, row in enumerate(part) for column, value in row.items()}
        database.run_later(statement, statement.bound(values))


def _insert_query(columns: Sequence[str], count: int, unique: bool) -> Any:
    table, scope = JobRow._meta.table, current_scope()

    def value(n: int, column: str) -> Any:
        return scope if column == TENANT_COLUMN and scope != EVERY_ORGANIZATION else Bind(f"{column}#{n}")

    values = [[value(n, column) for column in columns] for n in range(count)]
    conflict = peewee.OnConflict(
        conflict_target=[SQL("organization_id, name, unique_key")],
        conflict_where=UNIQUE,
        update={
            "run_at": SQL("CASE WHEN excluded.run_at < core_job.run_at THEN excluded.run_at ELSE core_job.run_at END"),
            "priority": SQL("CASE WHEN excluded.priority > core_job.priority THEN excluded.priority ELSE core_job.priority END"),
            "delayed": SQL("core_job.delayed AND excluded.delayed"),
        },
    )
    return peewee.Insert(
        table,
        values,
        columns=[getattr(table, column) for column in columns],
        on_conflict=conflict if unique else None,
        returning=(),
    )


def depth(at_most: int) -> int:
    """Count the ready jobs of the organization in scope (in a system scope: of all), up to `at_most`."""
    return len(_some_ready.all(at_most))


@compiled(JobRow)
def _some_ready(at_most: int) -> Any:
    return JobRow.select(SQL("1")).where(READY).limit(at_most)
