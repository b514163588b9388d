"""The records of executions: runs, recorded steps, waits, and log lines."""

from typing import Any

import peewee

from aasim_core.data.fields import IdField, InstantField, JsonField
from aasim_core.data.records import Row, TenantRecord

PROPOSED, WAITING, DENIED, RUNNING, DONE, UNKNOWN = "proposed", "waiting", "denied", "running", "done", "unknown"
#: What can become of a tool call.
CALL_STATES = (PROPOSED, WAITING, DENIED, RUNNING, DONE, UNKNOWN)
#: ISO 4217's code for no currency: that of costs that were counted before their currency was stored.
NO_CURRENCY = "XXX"

EVERYTHING, NO_LOG, NO_PAYLOAD = "everything", "no_log", "no_payload"
#: What is still retained of a run; without its payload there is no log either.
RETAINED = (EVERYTHING, NO_LOG, NO_PAYLOAD)
#: The condition of each stage's index of the runs that have ended, in its words.
RETAINED_AT = {
    EVERYTHING: peewee.SQL("retained = 'everything'"),
    NO_LOG: peewee.SQL("retained = 'no_log'"),
    NO_PAYLOAD: peewee.SQL("retained = 'no_payload'"),
}


_TABLE = "executions_execution"
#: The types of subjects that have fields of their own in answers: ``agent_id``, ``agent_version``.
SHOWN = ("agent", "workflow")
# The conditions of partial indexes. Planners compare them with a query's text, so queries repeat them as literals.
GOING = peewee.SQL("finished_at IS NULL")
WITH_ERROR = peewee.SQL("error_code IS NOT NULL")
FOR_EVENT = peewee.SQL("kind = 'event'")
WITH_FINGERPRINT = peewee.SQL("error_fingerprint IS NOT NULL")
WITHOUT_FINGERPRINT = peewee.SQL("error_fingerprint IS NULL AND error_code <> 'cancelled'")
WITH_KEY = peewee.SQL("key IS NOT NULL")
WITH_TOPIC = peewee.SQL("topic IS NOT NULL")
WITH_ROOT = peewee.SQL("root_id IS NOT NULL")
OF_ANOTHER = peewee.SQL("root_id IS NOT NULL AND root_id <> id")
# Failures are counted by it alone, without their rows.
_BY_FINGERPRINT = peewee.SQL(
    "organization_id, error_fingerprint, created_at, id, finished_at, project_id, subject_id, subject_version"
)
_BY_END = peewee.SQL("organization_id, finished_at")
NOT_BY_API = peewee.SQL("trigger_type <> 'api'")
RETRIED = peewee.SQL("trigger_type <> 'api' AND trigger_type = 'retry'")


def _index(name: str, columns: peewee.SQL, where: peewee.SQL, *, unique: bool = False) -> peewee.Index:
    """A partial index of the runs."""
    return peewee.Index(f"{_TABLE}_{name}", _TABLE, [columns], unique=unique, where=where)


class Execution(TenantRecord):
    """One run of an agent, a workflow or a plugin's own kind.

    `plugin` is the one that runs its `kind`: workers that do not have it leave the run's turns to others. The columns from `job` to
    `ticket`, `status`, `waiting_for` and `approval_id` hold its `kernel.state.State`, and are written by `shell.stored_run` only;
    `job_id` is the job of a run that the release before this one has queued. `label` is the name that what it runs had when it was
    queued. `key` identifies the run for its starter; `effects_as` its effects for services, see `tools.effects`. `slot` is the admission
    that it needs, as `shell.admission` writes it; of runs that wait, and of ready ones, those of a higher `priority` go first. The object
    that it runs is its subject, and has a version; `agent_id` to `workflow_version` say the same for workers of the release before this
    one, and nobody reads them here. `trigger_type` and `error_code` repeat what `trigger` and `error` say, for lists; a cancelled run has
    the code ``cancelled``. Runs that failed alike have one `error_fingerprint`, see `fingerprints`. What was used is read and written
    through `usage`, the `chain` through `origins`. The `labels` are also rows of `labels.LabelRow`, by which runs are found.
    """

    kind = peewee.TextField()
    plugin = peewee.TextField(null=True)
    subject_type = peewee.TextField(null=True)
    subject_id = IdField(null=True)
    subject_version = peewee.BigIntegerField(null=True)
    agent_id = IdField(null=True)
    agent_version = peewee.BigIntegerField(null=True)
    workflow_id = IdField(null=True)
    workflow_version = peewee.BigIntegerField(null=True)
    label = peewee.TextField(null=True)
    project_id = IdField(null=True)
    initiator_id = IdField(null=True)
    initiator_label = peewee.TextField(null=True)
    api_key_id = IdField(null=True)
    status = peewee.TextField(default="queued")
    waiting_for = peewee.TextField(null=True)
    approval_id = IdField(null=True)
    input = JsonField(null=True)
    output = JsonField(null=True)
    finish_reason = peewee.TextField(null=True)
    error = JsonField(null=True)
    error_code = peewee.TextField(null=True)
    error_fingerprint = peewee.TextField(null=True)
    parameters = JsonField(null=True)
    trigger = JsonField()
    trigger_type = peewee.TextField(null=True)
    parent_id = IdField(null=True)
    root_id = IdField(null=True)
    retry_of = IdField(null=True)
    attempt = peewee.BigIntegerField(default=1)
    input_tokens = peewee.BigIntegerField(default=0)
    output_tokens = peewee.BigIntegerField(default=0)
    cost = peewee.BigIntegerField(null=True)
    currency = peewee.TextField(null=True)
    usage_details = JsonField(null=True)
    engine_id = IdField(null=True)
    model = peewee.TextField(null=True)
    worked_ms = peewee.BigIntegerField(default=0)
    score = peewee.DoubleField(null=True)
    rubric_results = JsonField(null=True)
    request_id = peewee.TextField(null=True)
    traceparent = peewee.TextField(null=True)
    metadata = JsonField(default=dict)
    labels = JsonField(null=True)
    chain = JsonField(null=True)
    key = peewee.TextField(null=True)
    effects_as = peewee.TextField(null=True)
    job_id = IdField(null=True)
    job = peewee.BigIntegerField(default=0)
    turn = peewee.BigIntegerField(default=0)
    deadline_at = InstantField(null=True)
    ending = peewee.TextField(null=True)
    stop_by = InstantField(null=True)
    is_paused = peewee.BooleanField(default=False)
    is_woken = peewee.BooleanField(default=False)
    ticket = peewee.TextField(null=True)
    slot = JsonField(null=True)
    priority = peewee.BigIntegerField(default=0)
    cancel_reason = peewee.TextField(null=True)
    started_at = InstantField(null=True)
    finished_at = InstantField(null=True)
    retained = peewee.TextField(default=EVERYTHING)

    class Meta:
        table_name = _TABLE
        id_prefix = "exec"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "initiator_id", "created_at", "id"), False),
            # Columns that change during a run are in no index, so that PostgreSQL need not update any.
            _index("subject", peewee.SQL("organization_id, subject_id, created_at, id"), peewee.SQL("subject_id IS NOT NULL")),
            _index("going", peewee.SQL("organization_id, created_at, id"), GOING),
            _index("root", peewee.SQL("organization_id, root_id, created_at, id"), OF_ANOTHER),
            _index("children", peewee.SQL("organization_id, parent_id"), peewee.SQL("parent_id IS NOT NULL")),
            _index("with_log", _BY_END, peewee.SQL("retained = 'everything' AND finished_at IS NOT NULL")),
            _index("without_log", _BY_END, peewee.SQL("retained = 'no_log' AND finished_at IS NOT NULL")),
            _index("without_payload", _BY_END, peewee.SQL("retained = 'no_payload' AND finished_at IS NOT NULL")),
            _index("project", peewee.SQL("organization_id, project_id, created_at, id"), peewee.SQL("project_id IS NOT NULL")),
            _index("trigger", peewee.SQL("organization_id, trigger_type, created_at, id"), NOT_BY_API),
            _index("error", peewee.SQL("organization_id, error_code, created_at, id"), WITH_ERROR),
            _index("fingerprint", _BY_FINGERPRINT, WITH_FINGERPRINT),
            _index("without_fingerprint", peewee.SQL("organization_id, id"), WITHOUT_FINGERPRINT),
            _index("key", peewee.SQL("organization_id, key"), WITH_KEY, unique=True),
        )

    def subject_of(self, type_: str) -> str | None:
        """The id of the object that it runs, if that is of the type."""
        subject_id: str | None = self.subject_id
        return subject_id if self.subject_type == type_ else None


def of_same_subject(execution: Execution) -> Any:
    """A condition on executions that run what this one runs: the same object, or where it has none anything of its kind."""
    subject_id = execution.subject_id
    return Execution.kind == execution.kind if subject_id is None else Execution.subject_id == subject_id


#: The format in which steps are written; the page on the journal says what each has. Steps of before it had a number have 0.
FORMAT = 1


class Step(TenantRecord):
    """A finished step with its result; it is written once, and replayed after a crash.

    `path` is its address, `attempt` the run's attempt, and `asked` the SHA-256 of its inputs, if the runner gives them.
    """

    execution_id = IdField()
    number = peewee.BigIntegerField()
    name = peewee.TextField()
    path = peewee.TextField(null=True)
    attempt = peewee.BigIntegerField(null=True)
    asked = peewee.TextField(null=True)
    format = peewee.BigIntegerField(default=0)
    result = JsonField(null=True)
    started_at = InstantField()
    finished_at = InstantField()

    class Meta:
        table_name = "executions_step"
        id_prefix = "step"
        indexes = ((("organization_id", "execution_id", "number"), True),)


class ToolCall(TenantRecord):
    """A tool call proposed by a model: the request, people's decision, and the result.

    `turn` is the number of the step in which the model proposed it, `position` its position among that turn's calls. `tool` is the index of
    the tool in the agent's version, None for an unknown name: names may change, this does not. `digest` covers the tool's definition when
    the call began, `effect` is its effect then; `proposed_arguments` are the model's, if people edited them. `path` is that of the step or
    node that makes it, None before it begins.
    """

    execution_id = IdField()
    turn = peewee.BigIntegerField()
    position = peewee.BigIntegerField()
    path = peewee.TextField(null=True)
    call_id = peewee.TextField()
    name = peewee.TextField()
    tool = peewee.BigIntegerField(null=True)
    ref = peewee.TextField(null=True)
    arguments = JsonField(null=True)
    proposed_arguments = JsonField(null=True)
    digest = peewee.TextField(null=True)
    effect = peewee.TextField(null=True)
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


class WaitRow(Row):
    """One thing that a path of a run waits for; it goes when the wait is over. See `kernel.state.Wait`.

    `topic` is by what a wait for an event is found that has a filter; see `shell.topics`. `root_id` is the root of a run that waits for an
    approval, by which those of a whole tree are found.
    """

    organization_id = IdField()
    execution_id = IdField()
    path = peewee.TextField()
    kind = peewee.TextField()
    correlation = peewee.TextField()
    topic = peewee.TextField(null=True)
    root_id = IdField(null=True)
    since = InstantField()
    deadline = InstantField(null=True)
    fails_run = peewee.BooleanField()

    class Meta:
        table_name = "executions_wait"
        primary_key = peewee.CompositeKey("organization_id", "execution_id", "path")
        indexes = (
            peewee.Index(
                "executions_wait_event", "executions_wait", [peewee.SQL("organization_id, correlation")], where=FOR_EVENT
            ),
            peewee.Index("executions_wait_topic", "executions_wait", [peewee.SQL("organization_id, topic")], where=WITH_TOPIC),
            peewee.Index(
                "executions_wait_approval", "executions_wait", [peewee.SQL("organization_id, root_id")], where=WITH_ROOT
            ),
        )


class ArrivalRow(Row):
    """An arrival for a run, and the path of the wait that it ended; an expired timer is one, too. See `kernel.state.Arrival`."""

    organization_id = IdField()
    execution_id = IdField()
    key = peewee.TextField()
    kind = peewee.TextField()
    correlation = peewee.TextField()
    occurred_at = InstantField()
    status = peewee.TextField()
    data = JsonField(null=True)
    is_delivered = peewee.BooleanField(default=False)
    path = peewee.TextField(null=True)

    class Meta:
        table_name = "executions_arrival"
        primary_key = peewee.CompositeKey("organization_id", "execution_id", "key")


class LogEntry(Row):
    """One line of an execution's log; `sequence` counts within the execution, from 1. `path` is that of the step or node it is about."""

    organization_id = IdField()
    execution_id = IdField()
    sequence = peewee.BigIntegerField()
    occurred_at = InstantField()
    level = peewee.TextField()
    step = peewee.BigIntegerField(null=True)
    path = peewee.TextField(null=True)
    event = peewee.TextField()
    message = peewee.TextField()
    data = JsonField(null=True)

    class Meta:
        table_name = "executions_log"
        primary_key = peewee.CompositeKey("organization_id", "execution_id", "sequence")
