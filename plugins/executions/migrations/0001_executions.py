"""Executions, their steps and their logs."""

from peewee import BigIntegerField, CompositeKey, DoubleField, Model, TextField


def up(migrator, db):
    class Execution(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        kind = TextField()
        agent_id = TextField(null=True)
        agent_version = BigIntegerField(null=True)
        workflow_id = TextField(null=True)
        workflow_version = BigIntegerField(null=True)
        project_id = TextField(null=True)
        initiator_id = TextField(null=True)
        status = TextField()
        waiting_for = TextField(null=True)
        input = TextField(null=True)
        output = TextField(null=True)
        error = TextField(null=True)
        parameters = TextField(null=True)
        trigger = TextField()
        parent_id = TextField(null=True)
        root_id = TextField(null=True)
        retry_of = TextField(null=True)
        attempt = BigIntegerField()
        input_tokens = BigIntegerField()
        output_tokens = BigIntegerField()
        cost = BigIntegerField(null=True)
        score = DoubleField(null=True)
        rubric_results = TextField(null=True)
        metadata = TextField()
        job_id = TextField(null=True)
        cancel_reason = TextField(null=True)
        started_at = TextField(null=True)
        finished_at = TextField(null=True)

        class Meta:
            database = db
            table_name = "executions_execution"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "agent_id", "created_at", "id"), False),
                (("organization_id", "status"), False),
            )

    class Step(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        execution_id = TextField()
        number = BigIntegerField()
        name = TextField()
        result = TextField(null=True)
        started_at = TextField()
        finished_at = TextField()

        class Meta:
            database = db
            table_name = "executions_step"
            indexes = ((("organization_id", "execution_id", "number"), True),)

    class LogEntry(Model):
        organization_id = TextField()
        execution_id = TextField()
        sequence = BigIntegerField()
        at = TextField()
        level = TextField()
        step = BigIntegerField(null=True)
        event = TextField()
        message = TextField()
        data = TextField(null=True)

        class Meta:
            database = db
            table_name = "executions_log"
            primary_key = CompositeKey("organization_id", "execution_id", "sequence")

    db.create_tables([Execution, Step, LogEntry])


def down(migrator, db):
    for table in ("executions_log", "executions_step", "executions_execution"):
        db.execute_sql(f"DROP TABLE {table}")
