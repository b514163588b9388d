"""Approvals know their agent, what was proposed before edits, which approval they replace, and the quorum of their policy."""

_COLUMNS = (("agent_id", "TEXT"), ("proposed", "TEXT"), ("replaces", "TEXT"), ("policy_quorum", "BIGINT NOT NULL DEFAULT 1"))


def up(migrator, db):
    for name, kind in _COLUMNS:
        db.execute_sql(f"ALTER TABLE hitl_approvals_approval ADD COLUMN {name} {kind}")
    db.execute_sql("UPDATE hitl_approvals_approval SET policy_quorum = quorum")


def down(migrator, db):
    for name, _ in _COLUMNS:
        db.execute_sql(f"ALTER TABLE hitl_approvals_approval DROP COLUMN {name}")
