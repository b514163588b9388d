"""The event log."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class EventRow(Model):
        id = TextField(primary_key=True)
        organization_id = TextField()
        sequence = BigIntegerField(null=True)
        at = TextField()
        actor_type = TextField()
        actor_id = TextField(null=True)
        actor_label = TextField()
        actor_ip = TextField(null=True)
        name = TextField()
        subject_type = TextField()
        subject_id = TextField(null=True)
        subject_label = TextField()
        outcome = TextField()
        changes = TextField(null=True)
        data = TextField(null=True)
        request_id = TextField(null=True)
        hash = TextField(null=True)
        previous_hash = TextField(null=True)

        class Meta:
            database = db
            table_name = "core_event"
            indexes = ((("organization_id", "at", "id"), False), (("organization_id", "sequence"), True))

    db.create_tables([EventRow])


def down(migrator, db):
    db.execute_sql("DROP TABLE core_event")
