"""An entry has a memo instead of a note, and is audited and counted too."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE ledger_entry ADD COLUMN memo TEXT")
    for column in ("audited", "counted"):
        db.execute_sql(f"ALTER TABLE ledger_entry ADD COLUMN {column} BIGINT NOT NULL DEFAULT 0")
    db.execute_sql("UPDATE ledger_entry SET memo = note")


def down(migrator, db):
    for column in ("counted", "audited", "memo"):
        db.execute_sql(f"ALTER TABLE ledger_entry DROP COLUMN {column}")
