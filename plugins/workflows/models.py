"""The records of workflows: workflows, their versions, and the nodes of their runs."""

import peewee

from aasim_core.data.fields import IdField, InstantField, JsonField
from aasim_core.data.records import Row, TenantRecord

STATUSES = DRAFT, ACTIVE, PAUSED, ARCHIVED = ("draft", "active", "paused", "archived")
#: The kinds of stored values of a node or a scope: its output, its error, the items of a loop, the output of one of its scopes.
#: What a rerun takes over from an earlier run is stored before its node begins: what the node gave, or what people were asked at it.
OUTPUT, ERROR, ITEMS, SCOPE, GIVEN, ASKED = ("output", "error", "items", "scope", "given", "asked")
#: What becomes of a node when a part of its run is done again.
VERDICTS = REUSED, REDONE, COMPENSATED, NOT_KNOWN = ("reused", "redone", "compensated", "unknown")
#: What becomes of a run in a batch: of one that is to move to another version, and of one that is to be done again.
MOVES, STAYS, CANNOT, RERUNS = ("moves", "stays", "cannot", "reruns")
RUN_VERDICTS = MOVES, STAYS, CANNOT, RERUNS
#: What a batch does, and how it goes.
BATCH_KINDS = MIGRATE, RERUN_MANY = ("migrate", "rerun")
BATCH_STATUSES = RUNNING, DONE, FAILED = ("running", "done", "failed")
#: The condition of a partial index; planners compare it with a query's text.
LIVE = peewee.SQL("is_live")
UNDECIDED = peewee.SQL("verdict IS NULL")


class Workflow(TenantRecord):
    """A workflow; deleting it sets `deleted_at`, and frees its name. `faults` are those of its definition."""

    name = peewee.TextField()
    description = peewee.TextField(default="")
    status = peewee.TextField(default=DRAFT)
    project_id = IdField(null=True)
    owner_id = IdField()
    tags = JsonField(default=list)
    definition = JsonField()
    faults = JsonField(default=list)
    workflow_version = peewee.BigIntegerField(default=1)
    deleted_at = InstantField(null=True)

    class Meta:
        table_name = "workflows_workflow"
        id_prefix = "workflow"
        references = {"project_id": "project", "owner_id": "user"}  # noqa: RUF012 - peewee's Meta is read once
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "updated_at", "id"), False))


Workflow.add_index(
    Workflow.organization_id, Workflow.name, unique=True, where=Workflow.deleted_at.is_null(), name="workflows_workflow_live_name"
)


class WorkflowVersion(TenantRecord):
    """The definition that a workflow had from some change on; it never changes. `digest` is the SHA-256 of it as JSON, keys sorted."""

    workflow_id = IdField()
    number = peewee.BigIntegerField()
    definition = JsonField()
    digest = peewee.TextField()
    created_by = IdField(null=True)

    class Meta:
        table_name = "workflows_version"
        id_prefix = "workflowversion"
        indexes = ((("organization_id", "workflow_id", "number"), True),)


class NodeRow(Row):
    """An instance of a node in a run, see `kernel.flow.Instance`; the one without a path counts for the run itself.

    It `is_live` as long as its scope is not over, so that a turn reads only what can still matter. `child_id` is the run that does it, of
    the one without a path the run that undoes it. What it gave was `reused_from` another run, or written there by `edited_by`, a user.
    Of one that has another path now than when it was made, that was `made_as`: calls outside are known by it.
    """

    organization_id = IdField()
    execution_id = IdField()
    path = peewee.TextField()
    scope = peewee.TextField()
    node = peewee.TextField()
    number = peewee.BigIntegerField()
    state = peewee.TextField()
    outcome = peewee.TextField(null=True)
    taken = JsonField(default=list)
    attempt = peewee.BigIntegerField(default=1)
    ended = peewee.BigIntegerField(null=True)
    count = peewee.BigIntegerField(null=True)
    begun = peewee.BigIntegerField(default=0)
    over = peewee.BigIntegerField(default=0)
    cause = peewee.TextField(null=True)
    is_live = peewee.BooleanField(default=True)
    child_id = IdField(null=True)
    reused_from = IdField(null=True)
    edited_by = IdField(null=True)
    made_as = peewee.TextField(null=True)
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)

    class Meta:
        table_name = "workflows_node"
        primary_key = peewee.CompositeKey("organization_id", "execution_id", "path")
        indexes = (
            peewee.Index("workflows_node_live", "workflows_node", [peewee.SQL("organization_id, execution_id")], where=LIVE),
        )


class ResultRow(Row):
    """A stored value of a node, or of a scope: its `kind` is one of OUTPUT, ERROR, ITEMS, SCOPE, GIVEN and ASKED. It is written once."""

    organization_id = IdField()
    execution_id = IdField()
    path = peewee.TextField()
    kind = peewee.TextField()
    value = JsonField(null=True)

    class Meta:
        table_name = "workflows_result"
        primary_key = peewee.CompositeKey("organization_id", "execution_id", "path", "kind")


class Batch(TenantRecord):
    """Something that somebody has asked for many runs of a workflow: `asked` is the body of the request.

    Of `count` runs, `done` have a verdict; `verdicts` counts these. What is started has the rights that `created_by` has then, or the API
    key. `workflow_name` is what the workflow was called then; `workflow` is there where the batch was found under it.
    """

    workflow: Workflow | None = None
    workflow_id = IdField()
    workflow_name = peewee.TextField()
    kind = peewee.TextField()
    asked = JsonField()
    count = peewee.BigIntegerField()
    done = peewee.BigIntegerField(default=0)
    verdicts = JsonField(default=list)
    status = peewee.TextField(default=RUNNING)
    created_by = IdField()
    api_key_id = IdField(null=True)

    class Meta:
        table_name = "workflows_batch"
        id_prefix = "batch"
        label = "workflow_name"
        indexes = ((("organization_id", "workflow_id", "created_at", "id"), False), (("created_at",), False))


class BatchRun(TenantRecord):
    """A run of a batch, and what became of it: a verdict with a reason, and the node in the way; of a re-run, the run that was started."""

    batch_id = IdField()
    execution_id = IdField()
    verdict = peewee.TextField(null=True)
    reason = peewee.TextField(null=True)
    path = peewee.TextField(null=True)
    explanation = peewee.TextField(null=True)
    started_id = IdField(null=True)

    class Meta:
        table_name = "workflows_batch_run"
        id_prefix = "batchrun"
        label = "execution_id"
        indexes = (
            (("organization_id", "batch_id", "created_at", "id"), False),
            peewee.Index(
                "workflows_batch_run_undecided",
                "workflows_batch_run",
                [peewee.SQL("organization_id, batch_id, id")],
                where=UNDECIDED,
            ),
        )
