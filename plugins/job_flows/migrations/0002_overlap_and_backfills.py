"""What becomes of starts while runs go on, and starts for due times of the past."""

from peewee import SQL, BigIntegerField, Index, Model, TextField

_DEFAULT = '{"policy":"skip","max":10}'


class Backfill(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    organization_id = TextField()
    flow_id = TextField()
    flow_name = TextField()
    since_at = TextField()
    until_at = TextField()
    only = TextField()
    count = BigIntegerField()
    done = BigIntegerField()
    refused = BigIntegerField()
    status = TextField()
    created_by = TextField()

    class Meta:
        table_name = "job_flows_backfill"
        indexes = (
            (("organization_id", "flow_id", "created_at", "id"), False),
            Index("job_flows_backfill_running", "job_flows_backfill", [SQL("organization_id")], where=SQL("status = 'running'")),
        )


def up(migrator, db):
    db.execute_sql(f"ALTER TABLE job_flows_flow ADD COLUMN overlap TEXT NOT NULL DEFAULT '{_DEFAULT}'")
    db.execute_sql("ALTER TABLE job_flows_firing ADD COLUMN backfill_id TEXT")
    db.execute_sql(
        "CREATE INDEX job_flows_firing_backfill ON job_flows_firing (organization_id, backfill_id, due_at)"
        " WHERE backfill_id IS NOT NULL"
    )
    with db.bind_ctx([Backfill]):
        db.create_tables([Backfill])


def down(migrator, db):
    db.execute_sql("DROP TABLE job_flows_backfill")
    db.execute_sql("DROP INDEX job_flows_firing_backfill")
    db.execute_sql("ALTER TABLE job_flows_firing DROP COLUMN backfill_id")
    db.execute_sql("ALTER TABLE job_flows_flow DROP COLUMN overlap")
