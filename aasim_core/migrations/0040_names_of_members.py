"""Memberships have what their members are called, in indexes that lists are sorted and filtered by."""

from typing import Any

_COLUMNS = ("name TEXT NOT NULL DEFAULT ''", "email TEXT NOT NULL DEFAULT ''", "kind TEXT NOT NULL DEFAULT 'person'")
_ACCOUNT = "(SELECT {0} FROM core_user WHERE core_user.id = core_membership.user_id)"
_INVITATION = (
    "(SELECT {0} FROM core_invitation WHERE core_invitation.user_id = core_membership.user_id "
    "AND core_invitation.organization_id = core_membership.organization_id)"
)
_CALLED = ", ".join(f"{name} = COALESCE({_ACCOUNT.format(name)}, {_INVITATION.format(name)}, '')" for name in ("name", "email"))
#: Gives each membership what its member is called.
FILL = f"UPDATE core_membership SET {_CALLED}, kind = COALESCE({_ACCOUNT.format('kind')}, 'person')"  # noqa: S608
_INDEXES = {
    "membership_organization_id_name_user_id": "(organization_id, name, user_id)",
    "membership_organization_id_email_user_id": "(organization_id, email, user_id)",
}


def up(migrator: Any, db: Any) -> None:
    """Add the columns, fill them from accounts and invitations, and make the indexes."""
    for column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE core_membership ADD COLUMN {column}")
    db.execute_sql(FILL)
    for name, columns in _INDEXES.items():
        db.execute_sql(f"CREATE INDEX {name} ON core_membership {columns}")


def down(migrator: Any, db: Any) -> None:
    """Take them away again."""
    for name in _INDEXES:
        db.execute_sql(f"DROP INDEX {name}")
    for name in ("name", "email", "kind"):
        db.execute_sql(f"ALTER TABLE core_membership DROP COLUMN {name}")
