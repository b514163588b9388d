"""Webhooks can be signed with Ed25519."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE webhooks_webhook ADD COLUMN signature TEXT NOT NULL DEFAULT 'v1'")
    db.execute_sql("ALTER TABLE webhooks_webhook ADD COLUMN public_key TEXT")


def down(migrator, db):
    for column in ("public_key", "signature"):
        db.execute_sql(f"ALTER TABLE webhooks_webhook DROP COLUMN {column}")
