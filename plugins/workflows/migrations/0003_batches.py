"""What somebody has asked for many runs of a workflow at once."""

from peewee import SQL, BigIntegerField, Index, Model, TextField


class Record(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    organization_id = TextField()


class Batch(Record):
    workflow_id = TextField()
    workflow_name = TextField()
    kind = TextField()
    asked = TextField()
    count = BigIntegerField()
    done = BigIntegerField()
    verdicts = TextField()
    status = TextField()
    created_by = TextField()
    api_key_id = TextField(null=True)

    class Meta:
        table_name = "workflows_batch"
        indexes = ((("organization_id", "workflow_id", "created_at", "id"), False), (("created_at",), False))


class BatchRun(Record):
    batch_id = TextField()
    execution_id = TextField()
    verdict = TextField(null=True)
    reason = TextField(null=True)
    path = TextField(null=True)
    explanation = TextField(null=True)
    started_id = TextField(null=True)

    class Meta:
        table_name = "workflows_batch_run"
        indexes = (
            (("organization_id", "batch_id", "created_at", "id"), False),
            Index(
                "workflows_batch_run_undecided", "workflows_batch_run", [SQL("organization_id, batch_id, id")],
                where=SQL("verdict IS NULL"),
            ),
        )  # fmt: skip


def up(migrator, db):
    with db.bind_ctx([Batch, BatchRun]):
        db.create_tables([Batch, BatchRun])


def down(migrator, db):
    db.execute_sql("DROP TABLE workflows_batch_run")
    db.execute_sql("DROP TABLE workflows_batch")
