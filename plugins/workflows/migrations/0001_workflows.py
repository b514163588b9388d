"""Workflows, their versions, and what becomes of the nodes of their runs."""

from peewee import BigIntegerField, BooleanField, CompositeKey, Model, TextField


class Record(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    organization_id = TextField()


class Workflow(Record):
    name = TextField()
    description = TextField()
    status = TextField()
    project_id = TextField(null=True)
    owner_id = TextField()
    tags = TextField()
    definition = TextField()
    faults = TextField()
    workflow_version = BigIntegerField()
    deleted_at = TextField(null=True)

    class Meta:
        table_name = "workflows_workflow"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "updated_at", "id"), False))


class Version(Record):
    workflow_id = TextField()
    number = BigIntegerField()
    definition = TextField()
    digest = TextField()
    created_by = TextField(null=True)

    class Meta:
        table_name = "workflows_version"
        indexes = ((("organization_id", "workflow_id", "number"), True),)


class Node(Model):
    organization_id = TextField()
    execution_id = TextField()
    path = TextField()
    scope = TextField()
    node = TextField()
    number = BigIntegerField()
    state = TextField()
    outcome = TextField(null=True)
    taken = TextField()
    attempt = BigIntegerField()
    ended = BigIntegerField(null=True)
    count = BigIntegerField(null=True)
    begun = BigIntegerField()
    over = BigIntegerField()
    cause = TextField(null=True)
    is_live = BooleanField()
    child_id = TextField(null=True)
    reused_from = TextField(null=True)
    edited_by = TextField(null=True)
    started_at = TextField(null=True)
    finished_at = TextField(null=True)

    class Meta:
        table_name = "workflows_node"
        primary_key = CompositeKey("organization_id", "execution_id", "path")


class Result(Model):
    organization_id = TextField()
    execution_id = TextField()
    path = TextField()
    kind = TextField()
    value = TextField(null=True)

    class Meta:
        table_name = "workflows_result"
        primary_key = CompositeKey("organization_id", "execution_id", "path", "kind")


def up(migrator, db):
    tables = [Workflow, Version, Node, Result]
    with db.bind_ctx(tables):
        db.create_tables(tables)
    db.execute_sql(
        "CREATE UNIQUE INDEX workflows_workflow_live_name ON workflows_workflow (organization_id, name) WHERE (deleted_at IS NULL)"
    )
    db.execute_sql("CREATE INDEX workflows_node_live ON workflows_node (organization_id, execution_id) WHERE is_live")


def down(migrator, db):
    for model in (Result, Node, Version, Workflow):
        db.execute_sql(f"DROP TABLE {model._meta.table_name}")
