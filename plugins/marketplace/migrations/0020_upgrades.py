"""Licences know what was needed and what stands for it, so that their copies can be upgraded."""

COLUMNS = {"requirements": '{"tools": []}', "tools": "{}"}


def up(migrator, db):
    for name, default in COLUMNS.items():
        db.execute_sql(f"ALTER TABLE marketplace_purchase ADD COLUMN {name} TEXT NOT NULL DEFAULT '{default}'")


def down(migrator, db):
    for name in COLUMNS:
        db.execute_sql(f"ALTER TABLE marketplace_purchase DROP COLUMN {name}")
