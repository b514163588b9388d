"""Branches."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Branch(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()
        code = TextField(null=True)
        address = TextField(null=True)
        timezone = TextField()
        business_hours = TextField()
        holidays = TextField()
        manager_id = TextField(null=True)
        status = TextField()

        class Meta:
            database = db
            table_name = "branches_branch"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "updated_at", "id"), False),
                (("organization_id", "name", "id"), False),
                (("organization_id", "code"), True),
            )

    db.create_tables([Branch])


def down(migrator, db):
    db.execute_sql("DROP TABLE branches_branch")
