"""Levers: a tool that gives at once what it was given: ``lever:pull`` is quick and only reads, ``lever:lift`` says neither."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import Plugin, hookimpl
from aasim_plugins.executions.hookspecs import Tool, ToolSource, ToolUse

if TYPE_CHECKING:
    from aasim_core.app import App

plugin = Plugin("Levers", "A tool that takes no time.", requires=("executions",))
_ANY = {"type": "object"}


def pull(use: ToolUse) -> Any:
    """Use the tool."""
    return use.arguments


def find(name: str) -> Tool:
    """Any tool is there."""
    facts = {"effect": "read", "quick": True} if name == "pull" else {"idempotent": True}
    return Tool(name, "Give at once what it was given.", _ANY, lambda rights, user_id: True, **facts)


@hookimpl
def tools(app: "App") -> Sequence[ToolSource]:
    """The tool."""
    return (ToolSource("lever", find, pull),)
