"""Requests and responses of agents."""

from typing import Any

from marshmallow import validates

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Slug, Text, wrong
from aasim_core.schemas.schema import RecordOut, Schema
from aasim_core.user_code import json_schema, templates

#: The format identifier of an exported agent.
FORMAT = "aasim.agent/1"


class ToolIn(Schema):
    """A tool that the agent may use."""

    ref = Text(1, 200, required=True, example="connected_app/orders.read")
    approval = Text(
        1,
        1024,
        load_default="auto",
        description="auto: requires approval for deleting, paying, sending and granting. never, always, or a CEL "
        "expression that is true where approval is required.",
    )
    arguments = Json(object_only=True, load_default=dict, description="Arguments that the model cannot choose.")


class MemoryIn(Schema):
    """The agent's memory of earlier executions; it has none yet."""

    mode = Choice("none", "window", load_default="none", description="window is refused, because it mixed different end users.")
    limit = Integer(1, 100, load_default=10)

    @validates("mode")
    def _is_none(self, value: str, data_key: str) -> None:
        if value == "window":
            reason = "An API key can represent many end users, and a window would show the words of one to another"
            raise wrong("invalid_choice", f'{reason}. Write "none", and send what the model needs to know in the input.')


class LimitsIn(Schema):
    """The limits of an execution."""

    max_steps = Integer(1, 500)
    max_tool_calls = Integer(1, 500, description="100 by default.")
    max_tokens = Integer(1, 100_000_000)
    max_cost = Integer(0, 10**15, description="Micro-units of the engine's currency.")
    timeout_seconds = Integer(1, 86_400, description="Excluding waiting time.")
    max_concurrent = Integer(1, 1_000)


class AboutIn(Schema):
    """An agent's name and description."""

    name = Text(min_length=1, max_length=120, required=True, description="Unique in the organization.")
    description = Text(max_length=2_000, multiline=True, load_default="")
    tags = ListOf(Text(1, 50), 20, unique=True, load_default=list)


class DefinitionIn(Schema):
    """An agent's definition."""

    instructions = Text(
        max_length=100_000, multiline=True, load_default="", description="The prompt; {{ input.field }} is replaced."
    )
    engine_id = Id("engine", allow_none=True, load_default=None, description="null is the default engine.")
    parameters = Json(
        object_only=True, load_default=dict, description="temperature, max_output_tokens, seed, stop, and provider-specific ones."
    )
    input_schema = Json(allow_none=True, load_default=None, description="A JSON Schema for inputs.")
    output_schema = Json(allow_none=True, load_default=None, description="A JSON Schema for outputs.")
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
    """An agent in a request."""

    slug = Slug(description="Derived from the name by default.")
    status = Choice("draft", "active", "paused", "archived", load_default="active")
    visibility = Choice("private", "project", "organization", load_default="organization")
    project_id = Id(allow_none=True, load_default=None)


class OriginOut(Schema):
    """The origin of a copied agent: another agent of the organization, or a purchased one."""

    agent_id = Id("agent", required=True, description="For a purchased one the seller's, which nobody else can read.")
    listing_id = Id("listing", description="The marketplace listing of a purchase.")
    version = Integer(required=True)


class AgentOut(RecordOut):
    """An agent in a response."""

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
    halted_at = Instant(allow_none=True, required=True, description="Since when it is halted; null if it is not.")


class MissingOut(Schema):
    """A reference of an agent to an object that the organization does not have."""

    kind = Choice("engine", "tool", required=True)
    ref = Text(allow_none=True, required=True, description="The engine's id, or the tool's ref; null is the default engine.")
    plugin = Text(allow_none=True, required=True, description="The plugin that provides it, if an enabled one does.")
    reason = Choice(
        "feature_disabled",
        "plugin_failed",
        "not_found",
        required=True,
        description="feature_disabled: the plugin is disabled for the organization. plugin_failed: it has a fault. "
        "not_found: the object does not exist.",
    )


class OneAgentOut(AgentOut):
    """An agent, with its unresolved references."""

    missing = ListOf(
        Object(MissingOut), required=True, description="Its references to objects that the organization does not have."
    )


class VersionOut(Schema):
    """One version of an agent's definition."""

    id = Id("agentversion", required=True)
    agent_id = Id("agent", required=True)
    number = Integer(required=True)
    definition = Object(DefinitionIn, required=True)
    created_by = Id(allow_none=True, required=True)
    created_at = Instant(required=True)


class CloneIn(Schema):
    """The differences between the copy and the original."""

    name = Text(1, 120, description="By default the original's with '(copy)'.")
    project_id = Id(allow_none=True)


class ExportOut(Schema):
    """An agent as a document for import into another organization or installation, without secrets."""

    format = Text(required=True, example=FORMAT)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    tags = ListOf(Text(), required=True)
    definition = Object(DefinitionIn, required=True)
    needs = ListOf(
        Text(), required=True, description="The requirements for running it, in words.", example=["the tool orders.read"]
    )


class DocumentIn(AboutIn):
    """An agent as an exported document."""

    format = Choice(FORMAT, required=True)
    definition = Object(DefinitionIn, required=True)
    needs = ListOf(Text(1, 300), 100, load_default=list, example=["the tool orders.read"])


class ImportIn(Schema):
    """An exported agent, and whether to import it or only check it."""

    document = Object(DocumentIn, required=True)
    name = Text(1, 120)
    project_id = Id(allow_none=True, load_default=None, description="The agent's project; null is the organization itself.")
    dry_run = Boolean(load_default=False)


class ImportOut(Schema):
    """The imported agent, or null for a dry run, and requirements that a document cannot contain."""

    agent = Object(AgentOut, allow_none=True, required=True)
    needs = ListOf(
        Text(max_length=300),
        required=True,
        description="Named tools that do not exist, and were left out.",
        example=["the tool orders.read"],
    )
