"""Budgets, what was used of them, and what is reserved."""

from peewee import BigIntegerField, BooleanField, Model, TextField


def up(migrator, db):
    class Record(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()

        class Meta:
            database = db

    class Budget(Record):
        name = TextField()
        scope_type = TextField()
        scope_id = TextField()
        node_id = TextField(null=True)
        period = TextField()
        timezone = TextField()
        max_cost = BigIntegerField(null=True)
        currency = TextField()
        max_tokens = BigIntegerField(null=True)
        unpriced = TextField()
        warn_at = TextField()
        active = BooleanField()

        class Meta:
            table_name = "budgets_budget"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "updated_at", "id"), False),
                (("organization_id", "name"), True),
                (("organization_id", "scope_id"), False),
            )

    class BudgetUse(Record):
        budget_id = TextField()
        starts_at = TextField()
        ends_at = TextField(null=True)
        used_cost = BigIntegerField()
        used_tokens = BigIntegerField()
        reserved_cost = BigIntegerField()
        reserved_tokens = BigIntegerField()
        warned = BigIntegerField()
        exceeded_at = TextField(null=True)

        class Meta:
            table_name = "budgets_use"
            indexes = ((("organization_id", "budget_id", "starts_at"), True),)

    class Reservation(Record):
        execution_id = TextField(null=True)
        step = BigIntegerField(null=True)
        holds = TextField()

        class Meta:
            table_name = "budgets_reservation"
            indexes = ((("organization_id", "execution_id", "step"), True),)

    db.create_tables([Budget, BudgetUse, Reservation])


def down(migrator, db):
    for table in ("budgets_reservation", "budgets_use", "budgets_budget"):
        db.execute_sql(f"DROP TABLE {table}")
