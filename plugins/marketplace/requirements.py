"""Examine a version of an agent for its listing: its requirements, its tools' effects, and its document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.errors import Invalid, Problem

from ..agents import service as agents
from ..agents.models import Agent
from ..engines import service as engines
from ..executions.hookspecs import EFFECTS, GRAVE, Tool
from ..executions.service import find_tool

if TYPE_CHECKING:
    from aasim_core.app import App

#: How often a tool requires approval, the most often first.
ASKS = ("always", "sometimes", "never")
_APPS = "app"


@dataclass(frozen=True)
class Survey:
    """A version of an agent as it can leave the organization: `document` names its tools by the keys of `requirements`."""

    agent: Agent
    number: int
    effects: Sequence[str]
    requirements: Mapping[str, Any]
    document: Mapping[str, Any]


def survey(app: "App", agent: Agent, number: int) -> Survey:
    """Look at that version of the agent, in its organization's scope; Invalid for tools that are not there."""
    definition = agents.definition_at(agent, number)
    tools = list(_tools(app, definition["tools"]))
    engine = engines.find_or_none(definition["engine_id"]) if definition["engine_id"] else None
    needs = {
        "plugins": sorted({str(need["plugin"]) for need in tools if need["plugin"]}),
        "provider": engine and engine.provider,
        "model": engine and engine.model,
        "tools": tools,
        "limits": definition["limits"],
    }
    entries = [{**entry, "ref": need["key"]} for entry, need in zip(definition["tools"], tools, strict=True)]
    about = {"agent_id": agent.id, "name": agent.name, "description": agent.description, "tags": agent.tags}
    document = {**about, "definition": {**definition, "tools": entries, "engine_id": None, "rubric_ids": []}}
    found = {need["effect"] for need in tools}
    return Survey(agent, number, [effect for effect in EFFECTS if effect in found], needs, document)


def _tools(app: "App", entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    keys: set[str] = set()
    for number, entry in enumerate(entries):
        found = find_tool(app, entry["ref"])
        if found.tool is None:
            message = f"There is no tool {entry['ref']} any more; take it off the agent, or connect it again."
            raise Invalid({f"agent.tools[{number}].ref": [Problem("invalid_reference", message)]})
        key = _free(f"{entry['ref'].partition(':')[0]}:{found.tool.name}", keys)
        keys.add(key)
        yield {
            "key": key,
            "plugin": found.plugin,
            "description": found.tool.description,
            "effect": found.tool.effect,
            "approval": entry["approval"],
            "asks": asks(found.tool, entry["approval"]),
            "app": _app_of(app, entry["ref"]),
            "digest": digest_of(found.tool),
            "ref": None,
        }


def asks(tool: Tool, approval: str) -> str:
    """Return whether the tool requires approval: ``always``, ``never``, or ``sometimes`` where an expression decides."""
    if approval == "auto":
        return "always" if tool.effect in GRAVE else "never"
    return approval if approval in ASKS else "sometimes"


def digest_of(tool: Tool) -> str:
    """Return the SHA-256 of the tool's description for models and callers: equal for the same tool everywhere."""
    told = (tool.name, tool.description, tool.parameters, tool.effect, tool.idempotent)
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def is_stronger(effect: str, than: str) -> bool:
    """Whether the effect is one that was not agreed to with the other."""
    return EFFECTS.index(effect) > EFFECTS.index(than)


def _free(key: str, taken: set[str]) -> str:
    return next(each for each in (key, *(f"{key}_{number}" for number in range(2, 100))) if each not in taken)


def _app_of(app: "App", ref: str) -> dict[str, Any] | None:
    """Of an operation of a connected app: what the app is called, how it is connected, and the scopes that it has."""
    kind, _, rest = ref.partition(":")
    if kind != _APPS or not app.plugins.is_on("connected_apps"):
        return None
    from . import with_connected_apps

    return with_connected_apps.about(rest.partition("/")[0])
