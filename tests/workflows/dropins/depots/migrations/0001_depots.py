"""Depots."""

from peewee import BigIntegerField, BooleanField, Model, TextField


def up(migrator, db):
    class Depot(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()
        department_id = TextField(null=True)
        is_open = BooleanField()

        class Meta:
            database = db
            table_name = "depots_depot"
            indexes = ((("organization_id", "department_id"), False),)

    db.create_tables([Depot])


def down(migrator, db):
    db.execute_sql("DROP TABLE depots_depot")
