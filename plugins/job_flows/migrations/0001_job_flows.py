"""Job flows, and their firings."""

from peewee import SQL, BigIntegerField, Index, Model, TextField


class Record(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    organization_id = TextField()


class JobFlow(Record):
    name = TextField()
    description = TextField()
    project_id = TextField(null=True)
    owner_id = TextField()
    api_key_id = TextField(null=True)
    target_type = TextField()
    target_id = TextField()
    target_version = BigIntegerField(null=True)
    target_label = TextField()
    trigger = TextField()
    calendar = TextField(null=True)
    input = TextField()
    misfire = TextField()
    jitter_seconds = BigIntegerField()
    starts_at = TextField(null=True)
    ends_at = TextField(null=True)
    auto_pause_after = BigIntegerField(null=True)
    status = TextField()
    status_reason = TextField()
    treated_until = TextField()
    next_due_at = TextField(null=True)
    timezone = TextField(null=True)
    zone_digest = TextField(null=True)
    streak = BigIntegerField()

    class Meta:
        table_name = "job_flows_flow"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name"), True),
            (("organization_id", "target_id"), False),
            Index(
                "job_flows_flow_due",
                "job_flows_flow",
                [SQL("organization_id, next_due_at, id")],
                where=SQL("next_due_at IS NOT NULL"),
            ),
        )


class Firing(Record):
    flow_id = TextField()
    key = TextField()
    origin = TextField()
    due_at = TextField()
    starts_at = TextField()
    marks = TextField()
    outcome = TextField()
    reason = TextField(null=True)
    explanation = TextField(null=True)
    execution_id = TextField(null=True)
    lateness_ms = BigIntegerField(null=True)
    count = BigIntegerField()
    last_due_at = TextField(null=True)

    class Meta:
        table_name = "job_flows_firing"
        indexes = (
            (("organization_id", "flow_id", "key"), True),
            (("organization_id", "flow_id", "due_at", "id"), False),
            Index(
                "job_flows_firing_waiting",
                "job_flows_firing",
                [SQL("organization_id, flow_id, due_at")],
                where=SQL("outcome IN ('pending', 'parked')"),
            ),
            Index(
                "job_flows_firing_run",
                "job_flows_firing",
                [SQL("organization_id, execution_id")],
                where=SQL("execution_id IS NOT NULL"),
            ),
            (("created_at",), False),
        )


def up(migrator, db):
    with db.bind_ctx([JobFlow, Firing]):
        db.create_tables([JobFlow, Firing])


def down(migrator, db):
    for table in ("job_flows_firing", "job_flows_flow"):
        db.execute_sql(f"DROP TABLE {table}")
