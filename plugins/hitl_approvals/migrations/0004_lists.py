"""Lists of approvals begin with those whom they are put to, with what is asked for, and with places."""

_INDEXES = {"due_at_id": "due_at, id", "project_id": "project_id", "requested_by": "requested_by"}
_ASSIGNEE, _APPROVAL = "hitl_approvals_assignee", "hitl_approvals_approval"


def up(migrator, db):
    db.execute_sql(f"ALTER TABLE {_ASSIGNEE} ADD COLUMN is_open BOOLEAN NOT NULL DEFAULT FALSE")
    db.execute_sql(
        f"UPDATE {_ASSIGNEE} SET is_open = TRUE WHERE EXISTS (SELECT 1 FROM {_APPROVAL} WHERE id = approval_id"  # noqa: S608 - constants
        f" AND {_APPROVAL}.level = {_ASSIGNEE}.level AND status IN ('pending', 'escalated'))"
    )
    columns = "organization_id, type, subject_id, approval_id"
    db.execute_sql(f"CREATE INDEX {_ASSIGNEE}_open ON {_ASSIGNEE} ({columns}) WHERE is_open")
    for name, columns in _INDEXES.items():
        db.execute_sql(f"CREATE INDEX {_APPROVAL}_organization_id_{name} ON {_APPROVAL} (organization_id, {columns})")


def down(migrator, db):
    for name in _INDEXES:
        db.execute_sql(f"DROP INDEX {_APPROVAL}_organization_id_{name}")
    db.execute_sql(f"DROP INDEX {_ASSIGNEE}_open")
    db.execute_sql(f"ALTER TABLE {_ASSIGNEE} DROP COLUMN is_open")
