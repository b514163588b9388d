"""Resolve the tools that an agent names: available ones, permitted ones, and missing ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights
from aasim_core.errors import Invalid, Problem
from aasim_core.user_code import expressions

from ..engines import service as engines
from ..executions.service import APPROVAL_NAMES, APPROVALS, FoundTool, find_tool, kinds_of_tools
from .models import Agent

if TYPE_CHECKING:
    from aasim_core.app import App


def missing_of(app: "App", agent: Agent) -> list[dict[str, Any]]:
    """What the agent names and the organization does not have, as ``{kind, ref, plugin, reason}``: its engine, and tools."""
    engine = engines.missing(app, agent.engine_id)
    found = ((entry["ref"], find_tool(app, entry["ref"])) for entry in agent.tools)
    return [
        *([{"kind": "engine", "ref": agent.engine_id, "plugin": engine.plugin, "reason": engine.reason}] if engine else []),
        *({"kind": "tool", "ref": ref, "plugin": each.plugin, "reason": each.reason} for ref, each in found if each.reason),
    ]


def usable_tools(app: "App", tools: Sequence[Mapping[str, Any]], rights: Rights, user_id: str) -> list[Mapping[str, Any]]:
    """Return the tools that exist and that the user may use."""
    return [entry for entry in tools if _is_usable(find_tool(app, entry["ref"]), rights, user_id)]


def _is_usable(found: FoundTool, rights: Rights, user_id: str) -> bool:
    return found.tool is not None and found.tool.allowed(rights, user_id)


def refuse_bad_tools(app: "App", tools: Sequence[Mapping[str, Any]], rights: Rights, user_id: str) -> None:
    """Invalid for tools that do not exist, that the user may not use, or whose approval expression is invalid."""
    problems = _bad_approvals(tools)
    for number, entry in enumerate(tools):
        found = find_tool(app, entry["ref"])
        if not _is_usable(found, rights, user_id):
            problems[f"tools[{number}].ref"] = [Problem("invalid_reference", _told_of_missing(app, found))]
    if problems:
        raise Invalid(problems)


def _told_of_missing(app: "App", found: FoundTool) -> str:
    if found.reason == "feature_disabled":
        return app.features.explain_off(str(found.plugin), "this tool")
    if found.reason == "plugin_failed":
        return (
            f"The plugin {found.plugin}, which brings this tool, failed when it was asked for it; the operator's log says where."
        )
    kinds = ", ".join(f"{kind}:…" for kind in kinds_of_tools(app))
    return f"There is no such tool, or you may not use it. A tool is written as one of {kinds}"


def refuse_bad_approvals(tools: Sequence[Mapping[str, Any]]) -> None:
    """Invalid for tools whose approval cannot be understood."""
    problems = _bad_approvals(tools)
    if problems:
        raise Invalid(problems)


def _bad_approvals(tools: Sequence[Mapping[str, Any]]) -> dict[str, list[Problem]]:
    written = {number: entry["approval"] for number, entry in enumerate(tools) if entry["approval"] not in APPROVALS}
    flaws = {number: flaw for number, approval in written.items() if (flaw := expressions.flaw(approval, APPROVAL_NAMES))}
    advice = f"Write {', '.join(APPROVALS)}, or an expression."
    return {f"tools[{number}].approval": [Problem("invalid_format", f"{advice} {flaw}")] for number, flaw in flaws.items()}
