"""Subscriptions, what was told of limits, and what calls may take."""

from peewee import SQL, BigIntegerField, Index, Model, TextField

#: An organization has one current subscription.
_CURRENT = Index(
    "subscriptions_current", "subscriptions_subscription", [SQL("organization_id")], unique=True, where=SQL("status = 'current'")
)


def up(migrator, db):
    class Record(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()

        class Meta:
            database = db

    class Subscription(Record):
        plan_id = TextField()
        status = TextField()
        starts_at = TextField()
        ends_at = TextField(null=True)
        period_starts_at = TextField(null=True)
        period_ends_at = TextField(null=True)
        price = BigIntegerField()
        amount = BigIntegerField()
        currency = TextField()
        next_plan_id = TextField(null=True)

        class Meta:
            table_name = "subscriptions_subscription"
            indexes = ((("organization_id", "starts_at", "id"), False), _CURRENT)

    class Notice(Record):
        limit_name = TextField()
        period_starts_at = TextField()
        percent = BigIntegerField()

        class Meta:
            table_name = "subscriptions_notice"
            indexes = ((("organization_id", "limit_name", "period_starts_at", "percent"), True),)

    class Hold(Record):
        execution_id = TextField(null=True)
        step = BigIntegerField(null=True)
        tokens = BigIntegerField()

        class Meta:
            table_name = "subscriptions_hold"
            indexes = ((("organization_id", "execution_id", "step"), True),)

    db.create_tables([Subscription, Notice, Hold])


def down(migrator, db):
    for table in ("subscriptions_hold", "subscriptions_notice", "subscriptions_subscription"):
        db.execute_sql(f"DROP TABLE {table}")
