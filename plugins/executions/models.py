"""The records of executions: the run, its finished steps, and its log."""

import peewee

from aasim_core.data.fields import IdField, InstantField, JsonField
from aasim_core.data.records import Row, TenantRecord

PROPOSED, WAITING, DENIED, RUNNING, DONE, UNKNOWN = "proposed", "waiting", "denied", "running", "done", "unknown"
#: What can become of a tool call.
CALL_STATES = (PROPOSED, WAITING, DENIED, RUNNING, DONE, UNKNOWN)

EVERYTHING, NO_LOG, NO_PAYLOAD = "everything", "no_log", "no_payload"
#: What is still kept of a run; without its payload there is no log either.
KEPT = (EVERYTHING, NO_LOG, NO_PAYLOAD)


class Execution(TenantRecord):
    """One run of an agent, a workflow or a plugin's own kind; `status` changes through `states.move` only."""

    kind = peewee.TextField()
    agent_id = IdField(null=True)
    agent_version = peewee.BigIntegerField(null=True)
    workflow_id = IdField(null=True)
    workflow_version = peewee.BigIntegerField(null=True)
    project_id = IdField(null=True)
    initiator_id = IdField(null=True)
    api_key_id = IdField(null=True)
    status = peewee.TextField(default="queued")
    waiting_for = peewee.TextField(null=True)
    input = JsonField(null=True)
    output = JsonField(null=True)
    error = JsonField(null=True)
    parameters = JsonField(null=True)
    trigger = JsonField()
    parent_id = IdField(null=True)
    root_id = IdField(null=True)
    retry_of = IdField(null=True)
    attempt = peewee.BigIntegerField(default=1)
    input_tokens = peewee.BigIntegerField(default=0)
    output_tokens = peewee.BigIntegerField(default=0)
    cost = peewee.BigIntegerField(null=True)
    worked_ms = peewee.BigIntegerField(default=0)
    score = peewee.DoubleField(null=True)
    rubric_results = JsonField(null=True)
    metadata = JsonField(default=dict)
    job_id = IdField(null=True)
    cancel_reason = peewee.TextField(null=True)
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)
    kept = peewee.TextField(default=EVERYTHING)

    class Meta:
        table_name = "executions_execution"
        id_prefix = "exec"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "agent_id", "created_at", "id"), False),
            (("organization_id", "status"), False),
            peewee.Index(
                "executions_execution_children",
                "executions_execution",
                [peewee.SQL("organization_id, parent_id")],
                where=peewee.SQL("parent_id IS NOT NULL"),
            ),
            peewee.Index(
                "executions_execution_ended",
                "executions_execution",
                [peewee.SQL("organization_id, finished_at")],
                where=peewee.SQL("kept <> 'no_payload' AND finished_at IS NOT NULL"),
            ),
        )


class Step(TenantRecord):
    """A finished step with its result; it is written once, and read back instead of repeated after a crash."""

    execution_id = IdField()
    number = peewee.BigIntegerField()
    name = peewee.TextField()
    result = JsonField(null=True)
    started_at = InstantField()
    finished_at = InstantField()

    class Meta:
        table_name = "executions_step"
        id_prefix = "step"
        indexes = ((("organization_id", "execution_id", "number"), True),)


class ToolCall(TenantRecord):
    """A tool call that a model proposed: what it asked for, what people said of it, and what became of it.

    `turn` is the number of the step in which the model proposed it, `position` its place among the calls of that turn. `tool` is the
    place of the tool among those of the agent's version, None where it has none of that name: names move, this does not.
    """

    execution_id = IdField()
    turn = peewee.BigIntegerField()
    position = peewee.BigIntegerField()
    call_id = peewee.TextField()
    name = peewee.TextField()
    tool = peewee.BigIntegerField(null=True)
    ref = peewee.TextField(null=True)
    arguments = JsonField(null=True)
    status = peewee.TextField(default=PROPOSED)
    approval_id = IdField(null=True)
    awaited_id = IdField(null=True)
    result = JsonField(null=True)
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)

    class Meta:
        table_name = "executions_toolcall"
        id_prefix = "toolcall"
        indexes = ((("organization_id", "execution_id", "turn", "position"), True),)


class LogEntry(Row):
    """One line of an execution's log; `sequence` counts within the execution, from 1."""

    organization_id = IdField()
    execution_id = IdField()
    sequence = peewee.BigIntegerField()
    at = InstantField()
    level = peewee.TextField()
    step = peewee.BigIntegerField(null=True)
    event = peewee.TextField()
    message = peewee.TextField()
    data = JsonField(null=True)

    class Meta:
        table_name = "executions_log"
        primary_key = peewee.CompositeKey("organization_id", "execution_id", "sequence")
