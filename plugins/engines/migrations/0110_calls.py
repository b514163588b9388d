"""What each call of an engine took has a row, and each correction of one."""

from typing import Any

from peewee import SQL, BigIntegerField, BooleanField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    """Add the table; calls that were made before are in no row."""

    class Call(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        engine_id = TextField()
        model = TextField()
        outcome = TextField()
        input_tokens = BigIntegerField()
        output_tokens = BigIntegerField()
        cache_read_tokens = BigIntegerField()
        cache_write_tokens = BigIntegerField()
        is_estimated = BooleanField()
        cost = BigIntegerField(null=True)
        currency = TextField(null=True)
        price_source = TextField(null=True)
        execution_id = TextField(null=True)
        step = BigIntegerField(null=True)
        agent_id = TextField(null=True)
        project_id = TextField(null=True)
        api_key_id = TextField(null=True)
        initiator_id = TextField(null=True)
        corrects_id = TextField(null=True)
        reason = TextField(null=True)

        class Meta:
            database = db
            table_name = "engines_call"

    Call.add_index(Call.organization_id, Call.created_at, Call.id)
    Call.add_index(Call.organization_id, Call.execution_id, Call.step)
    corrects = SQL("corrects_id IS NOT NULL")
    Call.add_index(Call.index(Call.organization_id, Call.corrects_id, where=corrects, name="engines_call_corrects"))
    db.create_tables([Call])


def down(migrator: Any, db: Any) -> None:
    """Forget what calls took."""
    db.execute_sql("DROP TABLE engines_call")
