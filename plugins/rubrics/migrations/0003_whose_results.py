"""A rubric says whether it scores every agent of its engine, or only those that name it."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE rubrics_rubric ADD COLUMN applies_to TEXT NOT NULL DEFAULT 'all'")
    db.execute_sql("CREATE INDEX rubrics_rubric_made ON rubrics_rubric (organization_id, created_at, id)")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("DROP INDEX rubrics_rubric_made")
    db.execute_sql("ALTER TABLE rubrics_rubric DROP COLUMN applies_to")
