"""Things, without the index that keeps names apart; and no way back."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Thing(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()

        class Meta:
            database = db
            table_name = "faulty_thing"
            indexes = ((("organization_id", "created_at", "id"), False),)

    db.create_tables([Thing])


def down(migrator, db):
    """Nothing is undone."""
