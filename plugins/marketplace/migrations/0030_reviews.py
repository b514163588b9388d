"""Reviews of listings."""

from peewee import BigIntegerField, Model, TextField


class Review(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    organization_id = TextField()
    listing_id = TextField()
    release = BigIntegerField()
    stars = BigIntegerField()
    text = TextField()
    answer = TextField()
    answered_at = TextField(null=True)
    created_by = TextField()

    class Meta:
        table_name = "marketplace_review"
        indexes = ((("organization_id", "listing_id"), True), (("listing_id", "created_at", "id"), False))


def up(migrator, db):
    with db.bind_ctx([Review]):
        db.create_tables([Review])


def down(migrator, db):
    db.execute_sql("DROP TABLE marketplace_review")
