"""Webhooks can leave events out."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE webhooks_webhook ADD COLUMN filter TEXT")


def down(migrator, db):
    db.execute_sql("ALTER TABLE webhooks_webhook DROP COLUMN filter")
