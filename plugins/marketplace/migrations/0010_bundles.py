"""Listings know where they came from."""

TABLES = ("marketplace_listing", "marketplace_offer")


def up(migrator, db):
    for table in TABLES:
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN origin TEXT")


def down(migrator, db):
    for table in TABLES:
        db.execute_sql(f"ALTER TABLE {table} DROP COLUMN origin")
