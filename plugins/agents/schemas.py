"""What clients write about agents, and what they get."""

from typing import Any

from marshmallow import validates

from aasim_core import json_schema, template
from aasim_core.http.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Slug, Text, wrong
from aasim_core.http.schema import RecordOut, Schema

#: What a document that carries an agent says that it is.
FORMAT = "aasim.agent/1"


class ToolIn(Schema):
    """A tool that the agent may use."""

    ref = Text(1, 200, required=True)
    approval = Text(
        1,
        1024,
        load_default="auto",
        description="auto: asked for what deletes, pays, sends or grants. Or never, always, or a CEL expression that is true where "
        "people are to be asked.",
    )
    arguments = Json(object_only=True, load_default=dict, description="Arguments that the model cannot choose.")


class MemoryIn(Schema):
    """What the agent remembers of earlier executions."""

    mode = Choice("none", "window", load_default="none")
    limit = Integer(1, 100, load_default=10)


class LimitsIn(Schema):
    """Where an execution ends, whatever the agent is doing."""

    max_steps = Integer(1, 500)
    max_tool_calls = Integer(1, 500, description="100 if it is left out.")
    max_tokens = Integer(1, 100_000_000)
    max_cost = Integer(0, 10**15, description="Micro-units of the engine's currency.")
    timeout_seconds = Integer(1, 86_400, description="Without the time spent waiting.")
    max_concurrent = Integer(1, 1_000)


class AboutIn(Schema):
    """What people know an agent by."""

    name = Text(min_length=1, max_length=120, required=True, description="Unique in the organization.")
    description = Text(max_length=2_000, multiline=True, load_default="")
    tags = ListOf(Text(1, 50), 20, unique=True, load_default=list)


class DefinitionIn(Schema):
    """What an agent does."""

    instructions = Text(
        max_length=100_000, multiline=True, load_default="", description="The prompt; {{ input.field }} is filled in."
    )
    engine_id = Id("engine", allow_none=True, load_default=None, description="null is the default engine.")
    parameters = Json(
        object_only=True,
        load_default=dict,
        description="temperature, max_output_tokens, seed, stop, and what only the engine's provider understands.",
    )
    input_schema = Json(allow_none=True, load_default=None, description="A JSON Schema that inputs must meet.")
    output_schema = Json(allow_none=True, load_default=None, description="A JSON Schema that outputs must meet.")
    tools = ListOf(Object(ToolIn), 64, load_default=list)
    memory = Object(MemoryIn, load_default=lambda: {"mode": "none", "limit": 10})
    limits = Object(LimitsIn, load_default=dict)
    rubric_ids = ListOf(Id("rubric"), 20, unique=True, load_default=list)

    @validates("input_schema", "output_schema")
    def _is_schema(self, value: Any, data_key: str) -> None:
        problem = None if value is None else json_schema.flaw(value)
        if problem:
            raise wrong("invalid_format", problem)

    @validates("instructions")
    def _is_template(self, value: str, data_key: str) -> None:
        for problem in template.flaws(value):
            raise wrong("invalid_format", problem)


class AgentIn(DefinitionIn, AboutIn):
    """An agent as a client writes it."""

    slug = Slug(description="Made from the name if it is left out.")
    status = Choice("draft", "active", "paused", "archived", load_default="active")
    visibility = Choice("private", "project", "organization", load_default="organization")
    project_id = Id(allow_none=True, load_default=None)


class AgentOut(RecordOut):
    """An agent as a client gets it."""

    id = Id("agent", required=True)
    name = Text(required=True)
    slug = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    status = Choice("draft", "active", "paused", "archived", required=True)
    visibility = Choice("private", "project", "organization", required=True)
    project_id = Id(allow_none=True, required=True)
    owner_id = Id("user", required=True)
    tags = ListOf(Text(), required=True)
    engine_id = Id("engine", allow_none=True, required=True)
    instructions = Text(max_length=100_000, multiline=True, required=True)
    parameters = Json(object_only=True, required=True)
    input_schema = Json(allow_none=True, required=True)
    output_schema = Json(allow_none=True, required=True)
    tools = ListOf(Json(object_only=True), required=True)
    memory = Json(object_only=True, required=True)
    limits = Json(object_only=True, required=True)
    rubric_ids = ListOf(Id("rubric"), required=True)
    agent_version = Integer(required=True, description="The number of the current version of the definition.")
    forked_from = Json(object_only=True, allow_none=True, required=True)
    halted_at = Instant(allow_none=True, required=True, description="Since when nothing of it runs.")


class VersionOut(Schema):
    """One version of an agent's definition."""

    id = Id("agentversion", required=True)
    agent_id = Id("agent", required=True)
    number = Integer(required=True)
    definition = Json(object_only=True, required=True)
    author_id = Id(allow_none=True, required=True)
    created_at = Instant(required=True)


class CloneIn(Schema):
    """How the copy differs from the original."""

    name = Text(1, 120, description="The original's with '(copy)' if it is left out.")
    project_id = Id(allow_none=True)


class ExportOut(Schema):
    """An agent as a document that another organization or installation can import; it has no secrets."""

    format = Text(required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    tags = ListOf(Text(), required=True)
    definition = Json(object_only=True, required=True)
    needs = ListOf(Text(), required=True, description="What must be there to run it, in words.")


class DocumentIn(AboutIn):
    """An agent as a document, as an export gives it."""

    format = Choice(FORMAT, required=True)
    definition = Object(DefinitionIn, required=True)
    needs = ListOf(Text(1, 300), 100, load_default=list)


class ImportIn(Schema):
    """An exported agent, and whether to write it or only say what is missing."""

    document = Object(DocumentIn, required=True)
    name = Text(1, 120)
    project_id = Id(allow_none=True, load_default=None, description="Where the agent is to be; null is the organization itself.")
    dry_run = Boolean(load_default=False)


class ImportOut(Schema):
    """The imported agent, or null for a dry run, and what it needs that a document cannot carry."""

    agent = Object(AgentOut, allow_none=True, required=True)
    needs = ListOf(Text(max_length=300), required=True, description="Tools that are named here are not there, and were left out.")
