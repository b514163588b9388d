"""Bookmarks."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Bookmark(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        agent_id = TextField()
        name = TextField()
        why = TextField()

        class Meta:
            database = db
            table_name = "bookmarks_bookmark"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "agent_id"), False),
                (("organization_id", "name"), True),
            )

    db.create_tables([Bookmark])


def down(migrator, db):
    db.execute_sql("DROP TABLE bookmarks_bookmark")
