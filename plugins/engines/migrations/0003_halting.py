"""Engines can be halted."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE engines_engine ADD COLUMN halted_at TEXT")


def down(migrator, db):
    db.execute_sql("ALTER TABLE engines_engine DROP COLUMN halted_at")
