"""Agents can be halted."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE agents_agent ADD COLUMN halted_at TEXT")


def down(migrator, db):
    db.execute_sql("ALTER TABLE agents_agent DROP COLUMN halted_at")
