"""Agents and their versions."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Agent(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        name = TextField()
        slug = TextField()
        description = TextField()
        status = TextField()
        visibility = TextField()
        project_id = TextField(null=True)
        owner_id = TextField()
        tags = TextField()
        engine_id = TextField(null=True)
        instructions = TextField()
        parameters = TextField()
        input_schema = TextField(null=True)
        output_schema = TextField(null=True)
        tools = TextField()
        memory = TextField()
        limits = TextField()
        rubric_ids = TextField()
        agent_version = BigIntegerField()
        forked_from = TextField(null=True)
        deleted_at = TextField(null=True)

        class Meta:
            database = db
            table_name = "agents_agent"
            indexes = (
                (("organization_id", "created_at", "id"), False),
                (("organization_id", "updated_at", "id"), False),
                (("organization_id", "deleted_at", "visibility", "owner_id", "project_id"), False),
            )

    live = Agent.deleted_at.is_null()
    Agent.add_index(Agent.organization_id, Agent.name, unique=True, where=live, name="agents_agent_live_name")
    Agent.add_index(Agent.organization_id, Agent.slug, unique=True, where=live, name="agents_agent_live_slug")

    class AgentVersion(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()
        agent_id = TextField()
        number = BigIntegerField()
        definition = TextField()
        author_id = TextField(null=True)

        class Meta:
            database = db
            table_name = "agents_version"
            indexes = ((("organization_id", "agent_id", "number"), True),)

    db.create_tables([Agent, AgentVersion])


def down(migrator, db):
    for table in ("agents_version", "agents_agent"):
        db.execute_sql(f"DROP TABLE {table}")
