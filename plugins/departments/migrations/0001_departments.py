"""Departments."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Department(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()
        code = TextField(null=True)
        branch_id = TextField(null=True)
        parent_id = TextField(null=True)
        head_id = TextField(null=True)
        cost_centre = TextField(null=True)
        status = TextField()

        class Meta:
            database = db
            table_name = "departments_department"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "updated_at", "id"), False),
                (("organization_id", "name", "id"), False),
                (("organization_id", "branch_id"), False),
                (("organization_id", "parent_id"), False),
                (("organization_id", "code"), True),
            )

    db.create_tables([Department])


def down(migrator, db):
    db.execute_sql("DROP TABLE departments_department")
