"""Projects."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Project(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()
        key = TextField(null=True)
        description = TextField()
        status = TextField()
        lead_id = TextField(null=True)
        branch_id = TextField(null=True)
        department_id = TextField(null=True)
        tags = TextField()
        budget = TextField(null=True)

        class Meta:
            database = db
            table_name = "projects_project"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "updated_at", "id"), False),
                (("organization_id", "name", "id"), False),
                (("organization_id", "branch_id"), False),
                (("organization_id", "department_id"), False),
                (("organization_id", "key"), True),
            )

    db.create_tables([Project])


def down(migrator, db):
    db.execute_sql("DROP TABLE projects_project")
