"""Engines."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Engine(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()
        provider = TextField()
        model = TextField()
        base_url = TextField(null=True)
        api_key = TextField(null=True)
        kind = TextField()
        status = TextField()
        capabilities = TextField()
        context_tokens = BigIntegerField(null=True)
        default_parameters = TextField()
        prices = TextField()
        fallback_engine_ids = TextField()
        health = TextField(null=True)
        built_in_of = TextField(null=True)

        class Meta:
            database = db
            table_name = "engines_engine"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "updated_at", "id"), False),
                (("organization_id", "name"), True),
                (("organization_id", "built_in_of"), True),
            )

    db.create_tables([Engine])


def down(migrator, db):
    db.execute_sql("DROP TABLE engines_engine")
