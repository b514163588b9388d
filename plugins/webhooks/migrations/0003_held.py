"""What happens while a webhook is disabled is held."""


def up(migrator, db):
    for column in ("held_count BIGINT NOT NULL DEFAULT 0", "oldest_held_at TEXT", "dropped_count BIGINT NOT NULL DEFAULT 0"):
        db.execute_sql(f"ALTER TABLE webhooks_webhook ADD COLUMN {column}")


def down(migrator, db):
    for column in ("dropped_count", "oldest_held_at", "held_count"):
        db.execute_sql(f"ALTER TABLE webhooks_webhook DROP COLUMN {column}")
