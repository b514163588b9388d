"""What a run is of stands in three columns, whatever kind of object that is; the database fills them for code that knows them not."""

from typing import Any

from peewee import SqliteDatabase

_COLUMNS = (("subject_type", "TEXT"), ("subject_id", "TEXT"), ("subject_version", "BIGINT"))
_TYPE = "CASE WHEN {0}agent_id IS NULL THEN 'workflow' ELSE 'agent' END"
_ID, _VERSION = "COALESCE({0}agent_id, {0}workflow_id)", "COALESCE({0}agent_version, {0}workflow_version)"
_MISSES = f"NEW.subject_id IS NULL AND {_ID.format('NEW.')} IS NOT NULL"
_ON_SQLITE = f"""
    CREATE TRIGGER executions_execution_subject AFTER INSERT ON executions_execution WHEN {_MISSES}
    BEGIN
        UPDATE executions_execution SET subject_type = {_TYPE.format("")}, subject_id = {_ID.format("")},
        subject_version = {_VERSION.format("")} WHERE id = NEW.id;
    END
"""  # noqa: S608 - constants
_FUNCTION = f"""
    CREATE FUNCTION executions_subject() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.subject_type := {_TYPE.format("NEW.")};
        NEW.subject_id := {_ID.format("NEW.")};
        NEW.subject_version := {_VERSION.format("NEW.")};
        RETURN NEW;
    END $$
"""
_ON_POSTGRES = f"""
    CREATE TRIGGER executions_execution_subject BEFORE INSERT ON executions_execution
    FOR EACH ROW WHEN ({_MISSES}) EXECUTE FUNCTION executions_subject()
"""


def up(migrator: Any, db: Any) -> None:
    """Add the columns, what fills them, and the index."""
    for name, kind in _COLUMNS:
        db.execute_sql(f"ALTER TABLE executions_execution ADD COLUMN {name} {kind}")
    fill_by_itself(db)
    db.execute_sql(
        "CREATE INDEX executions_execution_subject ON executions_execution (organization_id, subject_id, created_at, id)"
        " WHERE subject_id IS NOT NULL"
    )


def down(migrator: Any, db: Any) -> None:
    """Take everything away again."""
    leave_to_code(db)
    db.execute_sql("DROP INDEX executions_execution_subject")
    for name, _ in reversed(_COLUMNS):
        db.execute_sql(f"ALTER TABLE executions_execution DROP COLUMN {name}")


def fill_by_itself(db: Any) -> None:
    """Let the database give each new run its subject that has none."""
    for statement in (_ON_SQLITE,) if isinstance(db, SqliteDatabase) else (_FUNCTION, _ON_POSTGRES):
        db.execute_sql(statement)


def leave_to_code(db: Any) -> None:
    """Undo that."""
    if isinstance(db, SqliteDatabase):
        db.execute_sql("DROP TRIGGER executions_execution_subject")
    else:
        db.execute_sql("DROP FUNCTION executions_subject CASCADE")
