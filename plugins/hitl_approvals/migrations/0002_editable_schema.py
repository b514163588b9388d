"""Approvals know what the part of the action that may be edited has to meet."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE hitl_approvals_approval ADD COLUMN editable_schema TEXT")


def down(migrator, db):
    db.execute_sql("ALTER TABLE hitl_approvals_approval DROP COLUMN editable_schema")
