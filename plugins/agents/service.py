"""Operations on agents: versions of their definition, copies, import and export."""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.access.rights import Rights
from aasim_core.context import current_actor
from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.conditions import Condition, all_of, any_of
from aasim_core.data.statements import Bind
from aasim_core.errors import Invalid, Problem, Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.text.slugs import free_name, slug_of

from ..engines import service as engines
from ..engines.hookspecs import Payer
from ..executions import service as executions
from ..executions.models import Execution
from .models import DEFINITION, Agent, AgentVersion
from .schemas import FORMAT

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

#: The kind of the executions that run agents.
KIND = "agent"
_SHARED = ("agents:read", "agents:execute", "executions:read")


def definition_of(agent: Agent) -> dict[str, Any]:
    """The agent's definition as it is now."""
    return {name: getattr(agent, name) for name in DEFINITION}


def create(values: Mapping[str, Any], owner_id: str) -> Agent:
    """Write a new agent with the first version of its definition."""
    slug = values.get("slug") or _free_slug(slug_of(values["name"], "agent"))
    agent: Agent = records.create(Agent, **{**values, "slug": slug, "owner_id": owner_id})
    _add_version(agent)
    emit("agents.created", agent)
    return agent


def change(agent: Agent, values: Mapping[str, Any]) -> Agent:
    """Write what differs; a change of the definition makes a new version."""
    if any(name in values and values[name] != getattr(agent, name) for name in DEFINITION):
        values = {**values, "agent_version": agent.agent_version + 1}
    changed = records.change(agent, values)
    if "agent_version" in changed:
        _add_version(agent)
    if changed:
        emit("agents.updated", agent, changes=changed)
    return agent


def remove(agent: Agent, now: Any) -> None:
    """Hide the agent from every list; its executions and versions stay, and a halt, which nobody could end, no longer applies to them."""
    records.change(agent, {"deleted_at": now, "status": "archived", "halted_at": None})
    emit("agents.deleted", agent)


def _add_version(agent: Agent) -> None:
    records.create(
        AgentVersion,
        agent_id=agent.id,
        number=agent.agent_version,
        definition=definition_of(agent),
        created_by=current_actor().id,
    )


def find_live(agent_id: str) -> Agent:
    """The agent of that id, unless it is deleted; raises the one 404."""
    agent: Agent | None = records.find_or_none(Agent, agent_id) if is_id(agent_id, "agent") else None
    if agent is None or agent.deleted_at is not None:
        raise not_found()
    return agent


def find_visible(agent_id: str, user_id: str) -> Agent:
    """The agent of that id, if the user may know of it; raises the one 404."""
    agent = find_live(agent_id)
    if not _is_known(agent, user_id):
        raise not_found()
    return agent


def _is_known(agent: Agent, user_id: str) -> bool:
    return agent.visibility != "private" or bool(agent.owner_id == user_id)


def may_read(rights: Rights, agent: Agent, user_id: str) -> bool:
    """Whether the user sees the agent, as `in_reach` says it of many."""
    return _is_known(agent, user_id) and allows(rights, "agents:read", agent, user_id)


def allows(rights: Rights, permission: str, agent: Agent, user_id: str) -> bool:
    """Return whether the permission holds on the agent: agents of the whole organization can be read and run by holders of the permission
    anywhere.

    Rights that are confined to nodes apply only at the agent's own node.
    """
    shared = (agent.visibility == "organization" or agent.owner_id == user_id) and permission in _SHARED
    return (shared and rights.has_for_shared(permission)) or rights.allows_at(permission, agent.project_id)


def find_allowed(permission: str, agent_id: str, rights: Rights, user_id: str) -> Agent:
    """The agent of that id, if the permission holds on it; the one 404 if it may not even be read, or else ``permission_denied``."""
    agent = find_visible(agent_id, user_id)
    if allows(rights, permission, agent, user_id):
        return agent
    if not allows(rights, "agents:read", agent, user_id):
        raise not_found()
    raise Refused("permission_denied", f"This needs the permission {permission}.", meta={"permission": permission})


def in_reach(rights: Rights, permission: str, user_id: str) -> Condition:
    """What `find_visible` and `allows` say about one agent, as a condition on lists, for a user who has the permission somewhere."""
    reached = all_of(Condition(_is_known_to, me=user_id), *rights.reach_condition(permission, Agent, "project_id"))
    seen = reached if rights.confined else any_of(Condition(_is_shared, me=user_id), reached)
    return all_of(Condition(_is_there), seen)


def _is_there() -> Any:
    return Agent.deleted_at.is_null()


def _is_shared(me: Any) -> Any:
    return (Agent.visibility == "organization") | (Agent.owner_id == me)


def _is_known_to(me: Any) -> Any:
    return _is_shared(me) | (Agent.visibility == "project")


def pinned_definition(agent_id: str, number: int) -> dict[str, Any] | None:
    """Return the definition of one version of an agent, deleted or not, or None; a version never changes, so it may be cached."""
    row = _pinned.one(agent_id=agent_id, number=number)
    return None if row is None else dict(orjson.loads(row[0]))


@compiled(AgentVersion)
def _pinned() -> Any:
    same = (AgentVersion.agent_id == Bind("agent_id")) & (AgentVersion.number == Bind("number"))
    return AgentVersion.select(AgentVersion.definition).where(same)


def definition_at(agent: Agent, number: int) -> dict[str, Any]:
    """The definition of one version; Invalid for a number that no version has."""
    if number == agent.agent_version:
        return definition_of(agent)
    version = AgentVersion.get_or_none((AgentVersion.agent_id == agent.id) & (AgentVersion.number == number))
    if version is None:
        message = f"The agent has the versions 1 to {agent.agent_version}."
        raise Invalid({"version": [Problem("invalid_reference", message)]})
    return dict(version.definition)


def restore(agent: Agent, number: int) -> Agent:
    """Make the definition of an earlier version the current one, as a new version."""
    return change(agent, definition_at(agent, number))


def clone(agent: Agent, values: Mapping[str, Any], tools: Sequence[Mapping[str, Any]], owner_id: str) -> Agent:
    """A copy in the same organization, with these of its tools, that remembers where it comes from."""
    name = values.get("name") or _free_name(agent.name)
    copied = {field: getattr(agent, field) for field in ("description", "visibility", "tags", *DEFINITION)}
    origin = {"agent_id": agent.id, "version": agent.agent_version}
    project_id = values.get("project_id", agent.project_id)
    own = {"name": name, "project_id": project_id, "tools": list(tools), "status": "draft", "forked_from": origin}
    return create({**copied, **own}, owner_id)


def export(agent: Agent) -> dict[str, Any]:
    """The agent as a document without secrets, and without ids but in the refs of its tools."""
    definition = {**definition_of(agent), "engine_id": None, "rubric_ids": []}
    needs = _named(agent.tools)
    engine = engines.find_or_none(agent.engine_id) if agent.engine_id else None
    if engine is not None:
        needs.append(f"engine of {engine.provider} with model {engine.model}")
    return {
        "format": FORMAT,
        "name": agent.name,
        "description": agent.description,
        "tags": agent.tags,
        "definition": definition,
        "needs": needs,
    }


def needs_of(document: Mapping[str, Any], tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the requirements that a document cannot contain, in words; `tools` are those of its tools that exist already."""
    there = set(_named(tools))
    told = dict.fromkeys([*document["needs"], *_named(document["definition"]["tools"])])
    return [need for need in told if need not in there]


def _named(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"tool {tool['ref']}" for tool in tools]


def import_document(
    document: Mapping[str, Any], name: str | None, project_id: str | None, owner_id: str, origin: Mapping[str, Any] | None = None
) -> Agent:
    """Write the agent that a document describes, as a draft that remembers its origin."""
    about = {field: document[field] for field in ("description", "tags")}
    own = {"name": name or _free_name(document["name"]), "project_id": project_id, "status": "draft", "forked_from": origin}
    return create({**about, **document["definition"], **own}, owner_id)


def refuse_unless_runnable(agent: Agent) -> None:
    """Refused ``invalid_state`` for an agent that is halted, paused or archived."""
    if agent.halted_at is not None:
        raise Refused("invalid_state", "The agent is halted; resume it first.", meta={"status": "halted"})
    if agent.status in ("paused", "archived"):
        raise Refused(
            "invalid_state", f"The agent is {agent.status}; set its status to active first.", meta={"status": agent.status}
        )


def start(
    app: "App",
    agent: Agent,
    given: Any,
    initiator_id: str,
    *,
    number: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    **about: Any,
) -> Execution:
    """Queue a run of the agent; it pins the version `number`, or the current one. `about` is what `executions.start` takes besides.

    Refused ``invalid_state`` for an agent that is not active, Invalid for parameters that engines do not have, or as any run may be.
    """
    refuse_unless_runnable(agent)
    version = number or agent.agent_version
    definition = definition_at(agent, version)
    engines.refuse_bad_parameters({**definition["parameters"], **(parameters or {})})
    return executions.start(
        app,
        KIND,
        given,
        label=agent.name,
        initiator_id=initiator_id,
        subject=executions.Subject(agent.id, version),
        project_id=agent.project_id,
        input_schema=definition["input_schema"],
        parameters=parameters,
        **about,
    )


def restart(app: "App", execution: Execution, principal: "Principal", same_version: bool) -> Execution:
    """Run the agent of an execution that is over again, with the same input."""
    rights = app.rights.of(principal)
    agent = find_allowed("agents:execute", execution.subject_id or "", rights, principal.user_id)
    app.rights.refuse_archived(principal, agent.project_id)
    executions.refuse_unless_repeatable(execution)
    return start(
        app,
        agent,
        execution.input,
        principal.user_id,
        number=execution.subject_version if same_version else None,
        parameters=execution.parameters,
        metadata=execution.metadata,
        trigger={"type": "retry", "id": execution.id},
        retry_of=execution,
        api_key_id=principal.api_key_id,
    )


def payer_of(execution: Execution, step: int | None = None, path: str | None = None) -> Payer:
    """Return on whose behalf the execution calls engines, in the step of that number and path."""
    of_whom = execution.subject_id, execution.project_id, execution.api_key_id, execution.initiator_id
    return Payer(execution.id, step, *of_whom, path)


def _free_slug(slug: str) -> str:
    """The slug itself if no agent has it, or else with a few characters more."""
    return f"{slug[:54]}-{token_hex(4)}" if _with_slug.one(slug=slug) else slug


@compiled(Agent)
def _with_slug() -> Any:
    return Agent.select(Agent.id).where(Agent.slug == Bind("slug"), _is_there()).limit(1)


def _free_name(name: str) -> str:
    """The name itself if no agent has it, or else the first of 'name (copy)', 'name (copy 2)' … that is free."""
    alike = Agent.select(Agent.name).where(Agent.deleted_at.is_null(), Agent.name.startswith(name[:90]))
    return free_name(name, {agent.name for agent in alike})
