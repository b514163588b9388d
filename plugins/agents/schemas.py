"""What clients write about agents, and what they get."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Slug, Text, wrong
from aasim_core.schemas.schema import RecordOut, Schema
from aasim_core.user_code import json_schema, templates

#: What a document that carries an agent says that it is.
FORMAT = "aasim.agent/1"


class ToolIn(Schema):
    """A tool that the agent may use."""

    ref = Text(1, 200, required=True, example="connected_app/orders.read")
    approval = Text(
        1,
        1024,
        load_default="auto",
        description="auto: asked for what deletes, pays, sends or grants. Or never, always, or a CEL expression that is true where "
        "people are to be asked.",
    )
    arguments = Json(object_only=True, load_default=dict, description="Arguments that the model cannot choose.")


class MemoryIn(Schema):
    """What the agent remembers of earlier executions: nothing, until there are conversations."""

    mode = Choice("none", "window", load_default="none", description="window is refused, since it mixed different end users.")
    limit = Integer(1, 100, load_default=10)

    @validates("mode")
    def _is_none(self, value: str, data_key: str) -> None:
        if value == "window":
            reason = "An API key can speak for many end users, and a window would show the words of one to another"
            raise wrong("invalid_choice", f'{reason}. Write "none", and send what the model needs to know in the input.')


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
        for problem in templates.flaws(value):
            raise wrong("invalid_format", problem)


class AgentIn(DefinitionIn, AboutIn):
    """An agent as a client writes it."""

    slug = Slug(description="Made from the name if it is left out.")
    status = Choice("draft", "active", "paused", "archived", load_default="active")
    visibility = Choice("private", "project", "organization", load_default="organization")
    project_id = Id(allow_none=True, load_default=None)


class OriginOut(Schema):
    """What an agent is a copy of: another agent of the organization, or one that it bought."""

    agent_id = Id("agent", required=True, description="Of a bought one, the seller's, which nobody else can read.")
    listing_id = Id("listing", description="Of the marketplace, where it was bought.")
    version = Integer(required=True)


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
    tools = ListOf(Object(ToolIn), 64, required=True)
    memory = Object(MemoryIn, required=True)
    limits = Object(LimitsIn, required=True)
    rubric_ids = ListOf(Id("rubric"), required=True)
    agent_version = Integer(required=True, description="The number of the current version of the definition.")
    forked_from = Object(OriginOut, allow_none=True, required=True)
    halted_at = Instant(allow_none=True, required=True, description="Since when nothing of it runs.")


class MissingOut(Schema):
    """Something that an agent names and the organization does not have."""

    kind = Choice("engine", "tool", required=True)
    ref = Text(allow_none=True, required=True, description="The engine's id, or the tool's ref; null is the default engine.")
    plugin = Text(allow_none=True, required=True, description="The plugin that brings it, if one that is on does.")
    reason = Choice(
        "feature_disabled",
        "plugin_failed",
        "not_found",
        required=True,
        description="feature_disabled: the plugin is off for the organization. plugin_failed: it has a fault. "
        "not_found: there is no such thing.",
    )


class OneAgentOut(AgentOut):
    """An agent, with what it names and the organization does not have."""

    missing = ListOf(Object(MissingOut), required=True)


class VersionOut(Schema):
    """One version of an agent's definition."""

    id = Id("agentversion", required=True)
    agent_id = Id("agent", required=True)
    number = Integer(required=True)
    definition = Object(DefinitionIn, required=True)
    created_by = Id(allow_none=True, required=True)
    created_at = Instant(required=True)


class CloneIn(Schema):
    """How the copy differs from the original."""

    name = Text(1, 120, description="The original's with '(copy)' if it is left out.")
    project_id = Id(allow_none=True)


class ExportOut(Schema):
    """An agent as a document that another organization or installation can import; it has no secrets."""

    format = Text(required=True, example=FORMAT)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    tags = ListOf(Text(), required=True)
    definition = Object(DefinitionIn, required=True)
    needs = ListOf(Text(), required=True, description="What must be there to run it, in words.", example=["the tool orders.read"])


class DocumentIn(AboutIn):
    """An agent as a document, as an export gives it."""

    format = Choice(FORMAT, required=True)
    definition = Object(DefinitionIn, required=True)
    needs = ListOf(Text(1, 300), 100, load_default=list, example=["the tool orders.read"])


class ImportIn(Schema):
    """An exported agent, and whether to write it or only say what is missing."""

    document = Object(DocumentIn, required=True)
    name = Text(1, 120)
    project_id = Id(allow_none=True, load_default=None, description="Where the agent is to be; null is the organization itself.")
    dry_run = Boolean(load_default=False)


class ImportOut(Schema):
    """The imported agent, or null for a dry run, and what it needs that a document cannot carry."""

    agent = Object(AgentOut, allow_none=True, required=True)
    needs = ListOf(
        Text(max_length=300),
        required=True,
        description="Tools that are named here are not there, and were left out.",
        example=["the tool orders.read"],
    )
