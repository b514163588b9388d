"""The note is gone, when nobody writes it any more; what was written into it meanwhile is kept."""


def up(migrator, db):
    db.execute_sql("UPDATE ledger_entry SET memo = note WHERE memo IS NULL")
    db.execute_sql("ALTER TABLE ledger_entry DROP COLUMN note")


def down(migrator, db):
    db.execute_sql("ALTER TABLE ledger_entry ADD COLUMN note TEXT")
    db.execute_sql("UPDATE ledger_entry SET note = memo")
