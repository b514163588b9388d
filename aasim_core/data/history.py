"""Keep the history immutable: on PostgreSQL, triggers reject changes and deletions of events and of their chain's entries.

Only transactions that prune or erase may delete, and only those that erase personal data may change the columns that hold it. SQLite has no
roles: a process that can write to the file can also drop triggers, so there only the chain reveals a change.
"""

from .backends.postgres.database import PostgresDatabase
from .database import Database

#: The tables of the history, and the columns that erasure overwrites.
_ERASED = {"core_event": ("actor_label", "actor_ip", "subject_label", "changes", "data"), "core_event_entry": ("salt", "erased")}
_DELETES, _ERASES = "app.deletes_events", "app.erases_events"
_REFUSE = """
CREATE OR REPLACE FUNCTION core_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $refuse$
BEGIN RAISE EXCEPTION 'events are neither changed nor deleted' USING ERRCODE = 'insufficient_privilege'; END $refuse$
"""


def protect(database: Database) -> None:
    """Create the triggers, which do not slow down inserts; does nothing on SQLite."""
    if isinstance(database, PostgresDatabase):
        for table, erased in _ERASED.items():
            if database.table_exists(table):
                _protect(database, table, erased)


def _protect(database: Database, table: str, erased: tuple[str, ...]) -> None:
    kept = ", ".join(column.name for column in database.get_columns(table) if column.name not in erased)
    database.execute_sql(_REFUSE)
    for name, verb, condition in (
        ("no_update", f"UPDATE OF {kept}", "true"),
        ("no_erasing", f"UPDATE OF {', '.join(erased)}", f"current_setting('{_ERASES}', true) IS DISTINCT FROM 'on'"),
        ("no_delete", "DELETE", f"current_setting('{_DELETES}', true) IS DISTINCT FROM 'on'"),
    ):
        database.execute_sql(
            f"CREATE OR REPLACE TRIGGER {table}_{name} BEFORE {verb} ON {table} FOR EACH ROW WHEN ({condition}) "
            "EXECUTE FUNCTION core_event_refuse()"
        )


def allow_deletion(database: Database) -> None:
    """Let the running transaction delete events. Needs a transaction."""
    _allow(database, _DELETES)


def allow_erasing(database: Database) -> None:
    """Let the running transaction erase contents of events. Needs a transaction."""
    _allow(database, _ERASES)


def _allow(database: Database, setting: str) -> None:
    if isinstance(database, PostgresDatabase):
        database.execute_sql(f"SELECT set_config('{setting}', 'on', true)")
