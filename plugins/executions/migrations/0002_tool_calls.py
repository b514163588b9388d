"""Tool calls have records of their own; a run knows by which key it was started, and how long it has worked."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class ToolCall(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        execution_id = TextField()
        turn = BigIntegerField()
        position = BigIntegerField()
        call_id = TextField()
        name = TextField()
        ref = TextField(null=True)
        arguments = TextField(null=True)
        status = TextField()
        approval_id = TextField(null=True)
        awaited_id = TextField(null=True)
        result = TextField(null=True)
        started_at = TextField(null=True)
        finished_at = TextField(null=True)

        class Meta:
            database = db
            table_name = "executions_toolcall"
            indexes = ((("organization_id", "execution_id", "turn", "position"), True),)

    db.create_tables([ToolCall])
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN api_key_id TEXT")
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN worked_ms BIGINT NOT NULL DEFAULT 0")
    db.execute_sql(
        "CREATE INDEX executions_execution_organization_id_parent_id ON executions_execution (organization_id, parent_id)"
    )


def down(migrator, db):
    db.execute_sql("DROP INDEX executions_execution_organization_id_parent_id")
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN worked_ms")
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN api_key_id")
    db.execute_sql("DROP TABLE executions_toolcall")
