"""Runs move to another version of their workflow, in which nodes may be called otherwise."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE workflows_node ADD COLUMN made_as TEXT")


def down(migrator, db):
    db.execute_sql("ALTER TABLE workflows_node DROP COLUMN made_as")
