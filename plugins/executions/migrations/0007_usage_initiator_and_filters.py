"""Runs say who started them, which model answered and how it ended, in which currency they cost, and are found by more of it."""

from typing import Any

from peewee import SqliteDatabase

_COLUMNS = ("initiator_label", "engine_id", "model", "finish_reason", "currency", "usage_details", "trigger_type", "error_code")
_INDEXES = (
    ("project", "organization_id, project_id, created_at, id", "WHERE project_id IS NOT NULL"),
    ("initiator", "organization_id, initiator_id, created_at, id", ""),
    ("trigger", "organization_id, trigger_type, created_at, id", "WHERE trigger_type <> 'api'"),
    ("error", "organization_id, error_code, created_at, id", "WHERE error_code IS NOT NULL"),
    ("metadata", "organization_id, created_at, id", "WHERE metadata <> '{}'"),
)
_REPEATED = "UPDATE executions_execution SET trigger_type = {kind}, error_code = {code}"
#: Of a run that is in the middle of a turn, only its steps say what it has used.
_CAUGHT_UP = """
    UPDATE executions_execution SET {column} = (
        SELECT COALESCE(SUM(CAST({value} AS BIGINT)), 0) FROM executions_step
        WHERE executions_step.organization_id = executions_execution.organization_id
        AND executions_step.execution_id = executions_execution.id AND executions_step.name = 'engine'
    )
    WHERE finished_at IS NULL AND started_at IS NOT NULL
"""


def up(migrator: Any, db: Any) -> None:
    """Add the columns, fill in what JSON has already told, and make the indexes."""
    for column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE executions_execution ADD COLUMN {column} TEXT")
    db.execute_sql("ALTER TABLE executions_toolcall ADD COLUMN effect TEXT")
    value = _value_on_sqlite if isinstance(db, SqliteDatabase) else _value_on_postgres
    db.execute_sql(_REPEATED.format(kind=value('"trigger"', "type"), code=value("error", "code")))
    for column in ("input_tokens", "output_tokens", "cost"):
        db.execute_sql(_CAUGHT_UP.format(column=column, value=value("result", column)))
    for name, columns, condition in _INDEXES:
        db.execute_sql(f"CREATE INDEX executions_execution_{name} ON executions_execution ({columns}) {condition}")


def down(migrator: Any, db: Any) -> None:
    """Take everything away again."""
    for name, _, _ in _INDEXES:
        db.execute_sql(f"DROP INDEX executions_execution_{name}")
    db.execute_sql("ALTER TABLE executions_toolcall DROP COLUMN effect")
    for column in reversed(_COLUMNS):
        db.execute_sql(f"ALTER TABLE executions_execution DROP COLUMN {column}")


def _value_on_sqlite(column: str, key: str) -> str:
    return f"json_extract({column}, '$.{key}')"


def _value_on_postgres(column: str, key: str) -> str:
    return f"{column}::json ->> '{key}'"
