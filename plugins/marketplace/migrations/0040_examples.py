"""Listings have examples to be tried with."""

TABLES = ("marketplace_listing", "marketplace_offer")


def up(migrator, db):
    for table in TABLES:
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN examples TEXT NOT NULL DEFAULT '[]'")


def down(migrator, db):
    for table in TABLES:
        db.execute_sql(f"ALTER TABLE {table} DROP COLUMN examples")
