"""People are invited by mail, and confirm their address by mail."""

from typing import Any

from peewee import BigIntegerField, Model, TextField


class Table(Model):
    """What every table has."""

    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()

    class Meta:
        legacy_table_names = False


class Invitation(Table):
    organization_id = TextField()
    user_id = TextField()
    email = TextField()
    name = TextField()
    timezone = TextField()
    locale = TextField()
    invited_by = TextField(null=True)
    digest = TextField(null=True, unique=True)
    expires_at = TextField()

    class Meta:
        table_name = "core_invitation"
        indexes = ((("organization_id", "email"), True), (("organization_id", "user_id"), True))


class EmailVerification(Table):
    user_id = TextField(index=True)
    digest = TextField(unique=True)
    expires_at = TextField()
    used_at = TextField(null=True)
    email = TextField()

    class Meta:
        table_name = "core_email_verification"


_TABLES: tuple[type[Table], ...] = (Invitation, EmailVerification)


def up(migrator: Any, db: Any) -> None:
    """Make the tables, and the column that says since when an address is confirmed."""
    with db.bind_ctx(_TABLES):
        db.create_tables(_TABLES)
    db.execute_sql("ALTER TABLE core_user ADD COLUMN email_verified_at TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take them away again."""
    db.execute_sql("ALTER TABLE core_user DROP COLUMN email_verified_at")
    with db.bind_ctx(_TABLES):
        db.drop_tables(_TABLES)
