"""Connected apps."""

from peewee import BigIntegerField, BooleanField, Model, TextField


def up(migrator, db):
    class Record(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()

        class Meta:
            database = db

    class ConnectedApp(Record):
        name = TextField()
        description = TextField()
        provider = TextField()
        auth_type = TextField()
        status = TextField()
        scopes = TextField()
        config = TextField()
        secret = TextField(null=True)
        generation = BigIntegerField()
        expires_at = TextField(null=True)
        refresh_at = TextField(null=True)
        refreshed_at = TextField(null=True)
        refreshing_until = TextField(null=True)
        shared_with = TextField()
        project_id = TextField(null=True)
        last_used_at = TextField(null=True)
        last_error = TextField(null=True)
        synced_at = TextField(null=True)
        halted_at = TextField(null=True)

        class Meta:
            table_name = "connected_apps_app"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "updated_at", "id"), False),
                (("organization_id", "name"), True),
                (("organization_id", "project_id"), False),
            )

    class AppOperation(Record):
        app_id = TextField()
        name = TextField()
        description = TextField()
        parameters = TextField()
        effect = TextField()
        idempotent = BooleanField()
        digest = TextField()
        confirmed = BooleanField()

        class Meta:
            table_name = "connected_apps_operation"
            indexes = ((("organization_id", "app_id", "name"), True),)

    class Use(Record):
        app_id = TextField()
        execution_id = TextField(null=True)
        step = TextField(null=True)
        operation = TextField()
        status = TextField()
        code = TextField(null=True)
        ms = BigIntegerField()

        class Meta:
            table_name = "connected_apps_use"
            indexes = ((("organization_id", "app_id", "created_at", "id"), False), (("created_at",), False))

    class Share(Record):
        app_id = TextField()
        kind = TextField()
        target_id = TextField()

        class Meta:
            table_name = "connected_apps_share"
            indexes = ((("organization_id", "target_id", "app_id"), False), (("organization_id", "app_id"), False))

    class PendingAuthorization(Record):
        app_id = TextField()
        user_id = TextField()
        nonce_digest = TextField()
        verifier = TextField(null=True)
        code = TextField(null=True)
        code_digest = TextField(null=True)
        expires_at = TextField()

        class Meta:
            table_name = "connected_apps_authorization"
            indexes = ((("organization_id", "app_id"), False),)

    db.create_tables([ConnectedApp, AppOperation, Use, Share, PendingAuthorization])


def down(migrator, db):
    for name in ("authorization", "share", "use", "operation", "app"):
        db.execute_sql(f"DROP TABLE connected_apps_{name}")
