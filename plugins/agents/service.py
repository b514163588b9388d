"""What agents do: versions of their definition, copies, and documents that carry them elsewhere."""

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core import expressions
from aasim_core.access.rights import Rights
from aasim_core.context import current_actor
from aasim_core.data import records
from aasim_core.data.statements import Bind, Condition
from aasim_core.errors import Invalid, Problem, Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id

from ..engines import service as engines
from .hookspecs import Tool, ToolSource
from .models import DEFINITION, Agent, AgentVersion
from .schemas import FORMAT

if TYPE_CHECKING:
    from aasim_core.app import App

SAMPLE_NAME = "Summariser (sample)"
#: What the sample agent is shown with.
SAMPLE_INPUT = (
    "The weekly meeting is moved from Monday to Wednesday at 10 because of the holiday. Anna will send the new invitation today."
)
#: When people are asked before a tool is used, where that is not an expression.
APPROVALS = ("auto", "never", "always")
_SHARED = ("agents:read", "agents:execute", "executions:read")


def definition_of(agent: Agent) -> dict[str, Any]:
    """The agent's definition as it is now."""
    return {name: getattr(agent, name) for name in DEFINITION}


def create(values: Mapping[str, Any], owner_id: str) -> Agent:
    """Write a new agent with the first version of its definition."""
    slug = values.get("slug") or _free_slug(slugify(values["name"]))
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
    """Take the agent out of every list; its executions and versions stay, and a halt, which nobody could end, holds them no longer."""
    records.change(agent, {"deleted_at": now, "status": "archived", "halted_at": None})
    emit("agents.deleted", agent)


def _add_version(agent: Agent) -> None:
    records.create(
        AgentVersion, agent_id=agent.id, number=agent.agent_version, definition=definition_of(agent), author_id=current_actor().id
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
    """Whether the permission holds on the agent: what is for the organization may be read and run by whoever may do so anywhere.

    Rights that are confined to places count at the agent's own place only.
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
    within = rights.reach_condition(permission, Agent, "project_id")

    def seen() -> Any:
        shared = (Agent.visibility == "organization") | (Agent.owner_id == Bind("me"))
        known = shared | (Agent.visibility == "project")
        reached = reduce(and_, [condition.expression() for condition in within], known)
        return Agent.deleted_at.is_null() & (reached if rights.confined else shared | reached)

    values = {"me": user_id} | {name: value for each in within for name, value in each.values.items()}
    return Condition(seen, values, ("agents in reach", rights.confined, *(condition.shape for condition in within)))


def pinned_definition(agent_id: str, number: int) -> dict[str, Any] | None:
    """The definition of one version of an agent, deleted or not, or None; a version never changes, so it may be kept."""
    database = records.database_of(AgentVersion)

    def build() -> Any:
        same = (AgentVersion.agent_id == Bind("agent_id")) & (AgentVersion.number == Bind("number"))
        return AgentVersion.select(AgentVersion.definition).where(same)

    row = database.statement("pinned definition", build).run(database, {"agent_id": agent_id, "number": number}).fetchone()
    return None if row is None else dict(orjson.loads(row[0]))


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
    """What is needed that a document cannot carry, in words; `tools` are those of its tools that are there already."""
    there = set(_named(tools))
    told = dict.fromkeys([*document["needs"], *_named(document["definition"]["tools"])])
    return [need for need in told if need not in there]


def _named(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"tool {tool['ref']}" for tool in tools]


def import_document(document: Mapping[str, Any], name: str | None, project_id: str | None, owner_id: str) -> Agent:
    """Write the agent that a document describes, as a draft."""
    about = {field: document[field] for field in ("description", "tags")}
    own = {"name": name or _free_name(document["name"]), "project_id": project_id, "status": "draft"}
    return create({**about, **document["definition"], **own}, owner_id)


def find_sample() -> Agent | None:
    """The sample agent of the organization in scope, if it is still there."""
    found: Agent | None = Agent.get_or_none((Agent.name == SAMPLE_NAME) & Agent.deleted_at.is_null())
    return found


def find_tool(app: "App", ref: str) -> tuple[ToolSource | None, Tool | None]:
    """Where a tool comes from and what it is now, by its ref ``<kind>:<rest>``; None for what is not there."""
    kind, _, rest = ref.partition(":")
    source: ToolSource | None = app.offers("agent_tools").get(kind)
    return source, source.find(rest) if source else None


def usable_tools(app: "App", tools: Sequence[Mapping[str, Any]], rights: Rights, user_id: str) -> list[Mapping[str, Any]]:
    """Those of the tools that are there, and that the user may use."""
    found = [(entry, find_tool(app, entry["ref"])[1]) for entry in tools]
    return [entry for entry, tool in found if tool is not None and tool.allowed(rights, user_id)]


def refuse_bad_tools(app: "App", tools: Sequence[Mapping[str, Any]], rights: Rights, user_id: str) -> None:
    """Invalid for tools that are not there, that the user may not use, or whose approval cannot be understood."""
    kinds = ", ".join(f"{kind}:…" for kind in app.offers("agent_tools"))
    problem = Problem("invalid_reference", f"There is no such tool, or you may not use it. A tool is written as one of {kinds}")
    missing = [number for number, entry in enumerate(tools) if not usable_tools(app, [entry], rights, user_id)]
    problems = {f"tools[{number}].ref": [problem] for number in missing} | _bad_approvals(tools)
    if problems:
        raise Invalid(problems)


def refuse_bad_approvals(tools: Sequence[Mapping[str, Any]]) -> None:
    """Invalid for tools whose approval cannot be understood."""
    problems = _bad_approvals(tools)
    if problems:
        raise Invalid(problems)


def _bad_approvals(tools: Sequence[Mapping[str, Any]]) -> dict[str, list[Problem]]:
    written = {number: entry["approval"] for number, entry in enumerate(tools) if entry["approval"] not in APPROVALS}
    flaws = {number: flaw for number, approval in written.items() if (flaw := expressions.flaw(approval))}
    advice = f"Write {', '.join(APPROVALS)}, or an expression."
    return {f"tools[{number}].approval": [Problem("invalid_format", f"{advice} {flaw}")] for number, flaw in flaws.items()}


def refuse_unless_runnable(agent: Agent) -> None:
    """Refused ``invalid_state`` for an agent that is halted, paused or archived."""
    if agent.halted_at is not None:
        raise Refused("invalid_state", "The agent is halted; resume it first.", meta={"status": "halted"})
    if agent.status in ("paused", "archived"):
        raise Refused(
            "invalid_state", f"The agent is {agent.status}; set its status to active first.", meta={"status": agent.status}
        )


def slugify(name: str) -> str:
    """A name for addresses: lower-case words with hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "agent"


def _free_slug(slug: str) -> str:
    """The slug itself if no agent has it, or else with a few characters more."""
    database = records.database_of(Agent)

    def build() -> Any:
        return Agent.select(Agent.id).where(Agent.slug == Bind("slug"), Agent.deleted_at.is_null()).limit(1)

    taken = database.statement("slug", build).run(database, {"slug": slug}).fetchone()
    return f"{slug[:54]}-{token_hex(4)}" if taken else slug


def _free_name(name: str) -> str:
    """The name itself if no agent has it, or else the first of 'name (copy)', 'name (copy 2)' … that is free."""
    alike = Agent.select(Agent.name).where(Agent.deleted_at.is_null(), Agent.name.startswith(name[:90]))
    taken = {agent.name for agent in alike}
    candidates = [name, f"{name[:100]} (copy)", *(f"{name[:100]} (copy {n})" for n in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)
