"""What happens to one subject can be sent in order."""

_ADDED = {
    "webhooks_webhook": ("\"order\" TEXT NOT NULL DEFAULT 'none'", "selects_since_at TEXT"),
    "webhooks_delivery": ("subject_id TEXT", "position BIGINT"),
}


def up(migrator, db):
    for table, columns in _ADDED.items():
        for column in columns:
            db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    db.execute_sql(
        "CREATE UNIQUE INDEX webhooks_delivery_line ON webhooks_delivery (organization_id, webhook_id, subject_id, position) "
        "WHERE position IS NOT NULL"
    )


def down(migrator, db):
    db.execute_sql("DROP INDEX webhooks_delivery_line")
    for table, columns in _ADDED.items():
        for column in columns:
            db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {column.partition(' ')[0]}")
