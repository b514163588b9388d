"""Approvals say when they were decided, so that those of a time are found."""

_APPROVAL = "hitl_approvals_approval"


def up(migrator, db):
    db.execute_sql(f"ALTER TABLE {_APPROVAL} ADD COLUMN decided_at TEXT")
    db.execute_sql(f"UPDATE {_APPROVAL} SET decided_at = updated_at WHERE status NOT IN ('pending', 'escalated')")  # noqa: S608 - a constant
    db.execute_sql(
        f"CREATE INDEX {_APPROVAL}_decided ON {_APPROVAL} (organization_id, decided_at) WHERE (decided_at IS NOT NULL)"
    )


def down(migrator, db):
    db.execute_sql(f"DROP INDEX {_APPROVAL}_decided")
    db.execute_sql(f"ALTER TABLE {_APPROVAL} DROP COLUMN decided_at")
