"""Webhooks say how much of events they are sent, and how it is written; a delivery keeps what it was made with."""

_FORM = "payload TEXT NOT NULL DEFAULT 'full'", "format TEXT NOT NULL DEFAULT 'standard'"
_ADDED = {
    "webhooks_webhook": (*_FORM, "event_versions TEXT NOT NULL DEFAULT '{}'"),
    "webhooks_delivery": (*_FORM, "event_version BIGINT NOT NULL DEFAULT 1"),
}


def up(migrator, db):
    for table, columns in _ADDED.items():
        for column in columns:
            db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column}")


def down(migrator, db):
    for table, columns in _ADDED.items():
        for column in columns:
            db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {column.partition(' ')[0]}")
