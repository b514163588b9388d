"""Requests and responses of executions."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import (
    Boolean,
    Choice,
    Id,
    Instant,
    Integer,
    Json,
    ListOf,
    Number,
    Object,
    Patterned,
    Text,
    Word,
    wrong,
)
from aasim_core.schemas.schema import RecordOut, Schema

from . import states
from .lists.labels import Labels
from .models import CALL_STATES, RETAINED
from .shell.rows import WAITING_FOR
from .turn.run import INTERRUPTED

_CHAIN = ["user_01h455vb4pex5vsknk084sn02q", "agent_01h455vb4pex5vsknk084sn02q@3", "exec_01h455vb4pex5vsknk084sn02q"]
LOG_LEVEL = Choice(
    "none",
    "meta",
    "full",
    load_default="full",
    description="Content of execution logs: nothing, events, or events with full text.",
)


class ExecuteIn(Schema):
    """The input of an agent's run."""

    input = Json(
        required=True, max_bytes=1_000_000, description="Text, or an object as described by the agent's input_schema.",
        metadata={"minLength": 1, "pattern": r"\S"},
    )  # fmt: skip
    version = Integer(1, description="The version of the agent's definition; the current one by default.")
    parameters = Json(object_only=True, load_default=dict, description="Overrides the agent's own parameters for this run.")
    metadata = Json(object_only=True, load_default=dict, max_bytes=16_384, description="Stored with the execution, for your use.")
    labels = Labels(load_default=None)

    @validates("input")
    def _says_something(self, value: Any, data_key: str) -> None:
        if isinstance(value, str) and not value.strip():
            raise wrong("too_short", "Write at least 1 visible character.")


class CancelIn(Schema):
    """Why an execution is cancelled."""

    reason = Text(0, 500, allow_none=True, load_default=None)


class RetryIn(Schema):
    """The version of the agent with which the input is repeated."""

    version = Choice("same", "active", load_default="same")


class SignalIn(Schema):
    """A signal that an execution waits for, or will wait for."""

    name = Patterned(
        r"[a-z][a-z0-9_.]{0,99}", 'lower-case letters, digits, "_" and ".", such as "paid"', max_length=100, required=True,
        description="The kind of signal that the execution waits for.", example="paid",
    )  # fmt: skip
    correlation = Text(
        0, 200, load_default="", description="What it is about, if the execution waits for a specific one.", example="order-7"
    )
    data = Json(load_default=None, allow_none=True, max_bytes=65_536, description="Data for the execution.")
    key = Text(
        1, 200, allow_none=True, load_default=None, description="Of several signals with the same key, the first one counts."
    )


class SignalOut(Schema):
    """The sent signal."""

    name = Word(required=True, example="paid")
    correlation = Text(0, 200, required=True, example="order-7")
    key = Text(1, 200, allow_none=True, required=True)
    duplicate = Boolean(required=True, description="Whether a signal with that key was sent before, so that this one is ignored.")


class CostOut(Schema):
    """An amount of money."""

    currency = Text(
        allow_none=True, required=True, description="ISO 4217; null for runs from before it was recorded.", example="USD"
    )
    cost = Integer(required=True, description="Micro-units.")


class JudgesOut(Schema):
    """The usage of judges."""

    input_tokens = Integer(required=True)
    output_tokens = Integer(required=True)
    costs = ListOf(Object(CostOut), required=True)


class UsageOut(Schema):
    """The engine usage of a run: its own calls, including interrupted ones, and its judges'."""

    input_tokens = Integer(required=True)
    output_tokens = Integer(required=True)
    cost = Integer(
        allow_none=True, required=True, description="Micro-units; null if the price is not known, or in two currencies."
    )
    currency = Text(allow_none=True, required=True, description="The currency of the cost.", example="USD")
    costs = ListOf(Object(CostOut), required=True, description="The cost in each currency; currencies are never added up.")
    estimated = Boolean(required=True, description="Whether a provider did not report the tokens of some calls.")
    judges = Object(JudgesOut, allow_none=True, required=True, description="The judges' share; null if there is none.")


class TriggerOut(Schema):
    """What started a run."""

    type = Text(required=True, description="api, retry, agent, evaluation, schedule, or another plugin's kind.", example="api")
    id = Text(allow_none=True, required=True, description="Its id, if it has one.", example="exec_01h455vb4pex5vsknk084sn02q")


class CriterionResultOut(Schema):
    """The result of one criterion."""

    key = Text(required=True, example="short")
    grader = Text(required=True, example="length")
    weight = Number(required=True)
    must_pass = Boolean(required=True)
    score = Number(allow_none=True, required=True, description="null where the grader abstained.")
    verdict = Choice("pass", "fail", "unscored", required=True)
    reason = Text(max_length=2_000, multiline=True, required=True, example="It has 12 words.")
    evidence = Json(allow_none=True, required=True)


class ResultOut(Schema):
    """The score of the output by a rubric."""

    rubric_id = Id("rubric", required=True)
    rubric_version = Integer(required=True)
    name = Text(required=True, example="Short and right")
    verdict = Choice("pass", "review", "fail", "unscored", required=True)
    score = Number(allow_none=True, required=True)
    coverage = Number(required=True, description="The scored share of the weight.")
    on_fail = Choice("record", "approval", "fail", "retry", required=True, description="record where a judge may not decide.")
    notes = ListOf(Text(max_length=300), required=True, example=[])
    criteria = ListOf(Object(CriterionResultOut), required=True)


class ErrorOut(Schema):
    """Why a run failed."""

    code = Text(required=True)
    message = Text(max_length=4_000, multiline=True, required=True)
    retryable = Boolean(
        required=True, description="Whether a new run may succeed, and this one had no effects that it would repeat."
    )
    meta = Json(object_only=True, allow_none=True, description="Further facts, such as which limit was reached.")


class AdmissionOut(Schema):
    """What an execution that waits for admission waits behind."""

    key = Text(
        max_length=300,
        required=True,
        description="The resource that it needs a slot of.",
        example="agent/agent_01h455vb4pex5vsknk084sn02q",
    )
    position = Integer(allow_none=True, required=True, description="Its position in the queue, from 1; null if it is not queued.")
    held = Integer(required=True, description="How many executions hold a slot.")
    held_by = ListOf(Id("exec"), 10, required=True, description="The first of them, if you may see them.")
    next_slot_at = Instant(
        allow_none=True, required=True, description="When a rate limit has the next slot; null if one must be released first."
    )


class ApprovalsOut(Schema):
    """The open approvals that a run waits for."""

    ids = ListOf(
        Id("approval"), 10, required=True, description="The first of them, the oldest first, if you may see the run that asks."
    )
    more = Integer(required=True, description="How many others there are.")


class ExecutionOut(RecordOut):
    """An execution in a response."""

    id = Id("exec", required=True)
    kind = Word(required=True, example="agent")
    agent_id = Id("agent", allow_none=True, required=True, example="agent_01h455vb4pex5vsknk084sn02q")
    agent_version = Integer(allow_none=True, required=True, example=1)
    workflow_id = Id(allow_none=True, required=True)
    workflow_version = Integer(allow_none=True, required=True)
    project_id = Id("project", allow_none=True, required=True)
    initiator_id = Id("user", allow_none=True, required=True, description="The user who started it, or whose API key did.")
    initiator_label = Text(
        allow_none=True, required=True, description="The user's or key's name at that time.", example="ada@example.com"
    )
    status = Choice(*states.ALL, required=True, example="succeeded")
    waiting_for = Choice(*WAITING_FOR.values(), allow_none=True, required=True)
    admission = Object(
        AdmissionOut, allow_none=True, required=True, description="What it waits behind, while it waits for admission."
    )
    missing = Text(
        allow_none=True,
        required=True,
        description="What has to be there before it continues, while it is blocked: a plugin, say.",
        example="plugin:connected_apps",
    )
    approval_id = Id("approval", allow_none=True, required=True, description="The first approval that it waits for.")
    approvals = Object(
        ApprovalsOut,
        allow_none=True,
        required=True,
        description="The approvals that it waits for, its own and those of the runs that it has started.",
    )
    is_paused = Boolean(required=True, description="Whether it starts nothing until it is resumed; a running step ends first.")
    deadline_at = Instant(allow_none=True, required=True, description="When it times out, including waits.")
    input = Json(required=True, allow_none=True, example="Where is my order 4711?")
    parameters = Json(object_only=True, allow_none=True, required=True, description="Overrides of the agent's own parameters.")
    output = Json(required=True, allow_none=True, example="It arrives on Monday.")
    finish_reason = Choice(
        "stop",
        "length",
        INTERRUPTED,
        allow_none=True,
        required=True,
        description="Why the answer ended. length: it was cut off at max_output_tokens. interrupted: the run ended during"
        " it, and output is the text so far.",
    )
    engine_id = Id("engine", allow_none=True, required=True, description="The engine that answered last.")
    model = Text(allow_none=True, required=True, description="Its model, as named in the response.", example="llama3.3")
    error = Object(ErrorOut, allow_none=True, required=True)
    cancel_reason = Text(0, 500, allow_none=True, required=True, description="The reason given for cancelling it.")
    trigger = Object(TriggerOut, required=True)
    chain = ListOf(
        Text(), required=True, description="On whose behalf it acts, from the person to the execution itself.", example=_CHAIN
    )
    parent_id = Id("exec", allow_none=True, required=True)
    root_id = Id("exec", allow_none=True, required=True)
    retry_of = Id("exec", allow_none=True, required=True)
    attempt = Integer(required=True)
    usage = Object(UsageOut, required=True)
    score = Number(allow_none=True, required=True)
    rubric_results = ListOf(Object(ResultOut), allow_none=True, required=True)
    metadata = Json(object_only=True, required=True)
    labels = Json(object_only=True, required=True, description="Words to search for.")
    started_at = Instant(allow_none=True, required=True, example="2026-01-31T09:00:00.100Z")
    finished_at = Instant(allow_none=True, required=True, example="2026-01-31T09:00:01.940Z")
    retained = Choice(
        *RETAINED, required=True, description="What of it is still retained; without its payload, input and output are null."
    )
    queued_ms = Integer(allow_none=True, required=True, description="From creation to start, in milliseconds.")
    duration_ms = Integer(allow_none=True, required=True, description="From start to end, in milliseconds.")


class ToolCallOut(Schema):
    """A tool call proposed by a model, and its result."""

    id = Id("toolcall", required=True)
    execution_id = Id("exec", required=True)
    turn = Integer(required=True, description="The step in which the model proposed it.")
    position = Integer(required=True, description="Its position among the calls of that turn, from 0.")
    path = Text(allow_none=True, required=True, description="The step or node that makes it; null before that.", example="tool")
    call_id = Text(required=True, description="The name that the model uses.", example="call_1")
    name = Text(required=True)
    ref = Text(allow_none=True, required=True, description="The tool's ref in the agent; null if the agent does not have it.")
    effect = Text(
        allow_none=True, required=True, example="read", description="The tool's kind of effect; null before the call begins."
    )  # fmt: skip
    arguments = Json(object_only=True, allow_none=True, required=True, description="As approved, with people's edits.")
    proposed_arguments = Json(
        object_only=True, allow_none=True, required=True,
        description="As the model proposed them, if people edited them; or else null.",
    )  # fmt: skip
    status = Choice(
        *CALL_STATES, required=True, description="unknown: it may have been made before a crash, or before the end of the run."
    )
    approval_id = Id(allow_none=True, required=True)
    result = Json(allow_none=True, required=True, description="The result given to the model.")
    created_at = Instant(required=True)
    started_at = Instant(allow_none=True, required=True)
    finished_at = Instant(allow_none=True, required=True)
