"""Registrations wait until they are confirmed by mail."""

from typing import Any

from peewee import BigIntegerField, Model, TextField


class Registration(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    email = TextField()
    name = TextField()
    organization_name = TextField()
    password_hash = TextField()
    digest = TextField(null=True, unique=True)
    expires_at = TextField()
    used_at = TextField(null=True)

    class Meta:
        table_name = "auth_registration"
        indexes = ((("email", "created_at"), False),)


def up(migrator: Any, db: Any) -> None:
    """Make the table."""
    with db.bind_ctx([Registration]):
        db.create_tables([Registration])


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    with db.bind_ctx([Registration]):
        db.drop_tables([Registration])
