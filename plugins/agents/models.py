"""The records of agents: the current agent, and each version of its definition."""

from typing import Any

import peewee

from aasim_core.data.fields import IdField, InstantField, JsonField
from aasim_core.data.records import TenantRecord

#: The fields that make up an agent's definition: a change of any of them makes a new version.
DEFINITION = (
    "engine_id",
    "instructions",
    "parameters",
    "input_schema",
    "output_schema",
    "tools",
    "memory",
    "limits",
    "rubric_ids",
)


def _known_to(model: Any, user_id: str | None) -> Any:
    """A private agent is visible only to its owner."""
    return (model.visibility != "private") | (model.owner_id == user_id)


class Agent(TenantRecord):
    """An agent; deleting it sets `deleted_at`, and frees its name and slug."""

    name = peewee.TextField()
    slug = peewee.TextField()
    description = peewee.TextField(default="")
    status = peewee.TextField(default="active")
    visibility = peewee.TextField(default="organization")
    project_id = IdField(null=True)
    owner_id = IdField()
    tags = JsonField(default=list)
    engine_id = IdField(null=True)
    instructions = peewee.TextField(default="")
    parameters = JsonField(default=dict)
    input_schema = JsonField(null=True)
    output_schema = JsonField(null=True)
    tools = JsonField(default=list)
    memory = JsonField(default=lambda: {"mode": "none"})
    limits = JsonField(default=dict)
    rubric_ids = JsonField(default=list)
    agent_version = peewee.BigIntegerField(default=1)
    forked_from = JsonField(null=True)
    halted_at = InstantField(null=True)
    deleted_at = InstantField(null=True)

    class Meta:
        table_name = "agents_agent"
        id_prefix = "agent"
        references = {  # noqa: RUF012 - peewee's Meta is read once
            "project_id": "project",
            "owner_id": "user",
            "engine_id": "engine",
            "rubric_ids": "rubric",
        }
        known_to = _known_to
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            # Answers from the index alone how many agents somebody may know of.
            (("organization_id", "deleted_at", "visibility", "owner_id", "project_id"), False),
        )


Agent.add_index(Agent.organization_id, Agent.name, unique=True, where=Agent.deleted_at.is_null(), name="agents_agent_live_name")
Agent.add_index(Agent.organization_id, Agent.slug, unique=True, where=Agent.deleted_at.is_null(), name="agents_agent_live_slug")


class AgentVersion(TenantRecord):
    """The definition that an agent had from some change on; it never changes."""

    agent_id = IdField()
    number = peewee.BigIntegerField()
    definition = JsonField()
    created_by = IdField(null=True)

    class Meta:
        table_name = "agents_version"
        id_prefix = "agentversion"
        indexes = ((("organization_id", "agent_id", "number"), True),)
