"""Webhooks, and their deliveries."""

from peewee import BigIntegerField, Model, TextField


class Record(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    organization_id = TextField()


class Webhook(Record):
    url = TextField()
    events = TextField()
    description = TextField()
    status = TextField()
    disabled_at = TextField(null=True)
    headers = TextField(null=True)
    header_names = TextField()
    secret = TextField()
    previous_secret = TextField(null=True)
    previous_expires_at = TextField(null=True)
    consecutive_failures = BigIntegerField()
    failing_since_at = TextField(null=True)
    resumes_at = TextField(null=True)

    class Meta:
        table_name = "webhooks_webhook"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "status"), False),
        )


class Delivery(Record):
    webhook_id = TextField()
    event_id = TextField()
    event = TextField()
    status = TextField()
    attempts = BigIntegerField()
    next_attempt_at = TextField(null=True)
    delivered_at = TextField(null=True)
    last_attempt = TextField(null=True)

    class Meta:
        table_name = "webhooks_delivery"
        indexes = (
            (("organization_id", "webhook_id", "event_id"), True),
            (("organization_id", "webhook_id", "created_at", "id"), False),
            (("organization_id", "webhook_id", "status", "created_at", "id"), False),
            (("created_at",), False),
        )


def up(migrator, db):
    with db.bind_ctx([Webhook, Delivery]):
        db.create_tables([Webhook, Delivery])


def down(migrator, db):
    for table in ("webhooks_delivery", "webhooks_webhook"):
        db.execute_sql(f"DROP TABLE {table}")
