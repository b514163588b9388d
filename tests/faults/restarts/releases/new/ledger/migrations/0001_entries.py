"""Entries."""


def up(migrator, db):
    columns = "id TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL"
    own = "organization_id TEXT NOT NULL, name TEXT NOT NULL, note TEXT, booked BIGINT NOT NULL DEFAULT 0"
    db.execute_sql(f"CREATE TABLE ledger_entry ({columns}, {own})")
    db.execute_sql("CREATE INDEX ledger_entry_created ON ledger_entry (organization_id, created_at, id)")
    db.execute_sql("CREATE UNIQUE INDEX ledger_entry_name ON ledger_entry (organization_id, name)")


def down(migrator, db):
    db.execute_sql("DROP TABLE ledger_entry")
