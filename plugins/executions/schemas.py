"""What clients write about executions, and what they get."""

from aasim_core.http.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Number, Object, Text
from aasim_core.http.schema import RecordOut, Schema

from . import states
from .models import CALL_STATES, KEPT

LOG_LEVEL = Choice(
    "none",
    "meta",
    "full",
    load_default="full",
    description="What is kept in the logs of executions: nothing, what happened, or what was said, too.",
)


class ExecuteIn(Schema):
    """What an agent is to work on."""

    input = Json(required=True, max_bytes=1_000_000, description="Text, or an object that the agent's input_schema describes.")
    version = Integer(1, description="The version of the agent's definition; the current one if it is left out.")
    parameters = Json(object_only=True, load_default=dict, description="Over the agent's own parameters, for this run.")
    metadata = Json(object_only=True, load_default=dict, max_bytes=16_384, description="Kept with the execution, for your use.")


class CancelIn(Schema):
    """Why an execution is to end."""

    reason = Text(0, 500, allow_none=True, load_default=None)


class RetryIn(Schema):
    """With which version of the agent the input runs again."""

    version = Choice("same", "active", load_default="same")


class UsageOut(Schema):
    """What a run used; cost is in micro-units, null where no price is known."""

    input_tokens = Integer(required=True)
    output_tokens = Integer(required=True)
    cost = Integer(allow_none=True, required=True)


class ErrorOut(Schema):
    """Why a run failed."""

    code = Text(required=True)
    message = Text(max_length=4_000, multiline=True, required=True)
    retryable = Boolean(required=True)
    meta = Json(object_only=True, allow_none=True, description="Facts about it, such as which limit was reached.")


class ExecutionOut(RecordOut):
    """An execution as a client gets it."""

    id = Id("exec", required=True)
    kind = Text(required=True)
    agent_id = Id("agent", allow_none=True, required=True)
    agent_version = Integer(allow_none=True, required=True)
    workflow_id = Id(allow_none=True, required=True)
    workflow_version = Integer(allow_none=True, required=True)
    status = Choice(*states.ALL, required=True)
    waiting_for = Choice("approval", "time", "event", allow_none=True, required=True)
    input = Json(required=True, allow_none=True)
    output = Json(required=True, allow_none=True)
    error = Object(ErrorOut, allow_none=True, required=True)
    cancel_reason = Text(0, 500, allow_none=True, required=True, description="What whoever cancelled it gave as the reason.")
    trigger = Json(object_only=True, required=True)
    parent_id = Id("exec", allow_none=True, required=True)
    root_id = Id("exec", allow_none=True, required=True)
    retry_of = Id("exec", allow_none=True, required=True)
    attempt = Integer(required=True)
    usage = Object(UsageOut, required=True)
    score = Number(allow_none=True, required=True)
    rubric_results = Json(allow_none=True, required=True)
    metadata = Json(object_only=True, required=True)
    started_at = Instant(allow_none=True, required=True)
    finished_at = Instant(allow_none=True, required=True)
    kept = Choice(*KEPT, required=True, description="What of it is still kept; without its payload, input and output are null.")
    queued_ms = Integer(allow_none=True, required=True, description="From creation to start, in milliseconds.")
    duration_ms = Integer(allow_none=True, required=True, description="From start to end, in milliseconds.")


class LogEntryOut(Schema):
    """One line of an execution's log."""

    sequence = Integer(required=True)
    at = Instant(required=True)
    level = Choice("debug", "info", "warning", "error", required=True)
    step = Integer(allow_none=True, required=True)
    event = Text(required=True)
    message = Text(max_length=4_000, multiline=True, required=True)
    data = Json(allow_none=True, required=True)


class ToolCallOut(Schema):
    """A tool call that a model proposed, and what became of it."""

    id = Id("toolcall", required=True)
    execution_id = Id("exec", required=True)
    turn = Integer(required=True, description="The step in which the model proposed it.")
    position = Integer(required=True, description="Its place among the calls of that turn, from 0.")
    call_id = Text(required=True, description="What the model calls it.")
    name = Text(required=True)
    ref = Text(allow_none=True, required=True, description="The tool as the agent names it; null for one that it does not have.")
    arguments = Json(object_only=True, allow_none=True, required=True, description="As approved, if people edited them.")
    status = Choice(
        *CALL_STATES, required=True, description="unknown: it may have been done before a crash, or the end of the run."
    )
    approval_id = Id(allow_none=True, required=True)
    result = Json(allow_none=True, required=True, description="What the model was told.")
    created_at = Instant(required=True)
    started_at = Instant(allow_none=True, required=True)
    finished_at = Instant(allow_none=True, required=True)


class LogOut(Schema):
    """A stretch of an execution's log."""

    entries = ListOf(Object(LogEntryOut), 1000, required=True)
    last_sequence = Integer(required=True, description="Ask for what follows with after=.")
    ended = Boolean(required=True, description="Whether nothing will follow.")


class LogQuery(Schema):
    """Which part of the log."""

    after = Integer(0, load_default=0)
    limit = Integer(1, 1000, load_default=100)
