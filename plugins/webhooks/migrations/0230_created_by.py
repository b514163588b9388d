"""A webhook is sent events as long as its creator may have that done."""

_ADDED = ("created_by", "disabled_reason")


def up(migrator, db):
    for column in _ADDED:
        db.execute_sql(f"ALTER TABLE webhooks_webhook ADD COLUMN {column} TEXT")


def down(migrator, db):
    for column in _ADDED:
        db.execute_sql(f"ALTER TABLE webhooks_webhook DROP COLUMN {column}")
