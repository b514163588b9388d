"""Greetings."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Greeting(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()

        class Meta:
            database = db
            table_name = "greetings_greeting"
            indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "name"), True))

    db.create_tables([Greeting])


def down(migrator, db):
    db.execute_sql("DROP TABLE greetings_greeting")
