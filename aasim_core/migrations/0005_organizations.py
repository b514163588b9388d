"""Organizations can be halted and deleted after a time of grace; members are listed by when they came."""

from typing import Any

_COLUMNS = ("halted_at", "delete_at")


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the index."""
    for column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE core_organization ADD COLUMN {column} TEXT")
    db.execute_sql("CREATE INDEX core_organization_delete_at ON core_organization (delete_at)")
    db.execute_sql("DROP INDEX core_membership_organization_id_created_at_id")
    db.execute_sql(
        "CREATE INDEX core_membership_organization_id_created_at_user_id ON core_membership (organization_id, created_at, user_id)"
    )


def down(migrator: Any, db: Any) -> None:
    """Take them away again."""
    db.execute_sql("DROP INDEX core_membership_organization_id_created_at_user_id")
    db.execute_sql(
        "CREATE INDEX core_membership_organization_id_created_at_id ON core_membership (organization_id, created_at, id)"
    )
    db.execute_sql("DROP INDEX core_organization_delete_at")
    for column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE core_organization DROP COLUMN {column}")
