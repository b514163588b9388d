"""The tools that an agent has in a run: found by their refs, named for the model, with arguments that the agent has fixed."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agents import service as agents
from ..agents.hookspecs import Tool, ToolError, ToolSource, ToolUse
from ..engines.hookspecs import ToolSpec

if TYPE_CHECKING:
    from aasim_core.app import App

#: What models accept as the name of a tool.
_LONGEST_NAME = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def _nothing(use: ToolUse) -> Any:
    raise ToolError("The tool is not there any more.")


#: Stand for a tool that is not there any more, which nobody may use, and for where it was from.
_GONE = Tool("", "", {"type": "object"}, lambda rights, user_id: False)
_NOWHERE = ToolSource(
    "", lambda rest: None, _nothing, lambda awaited_id: {"error": "What became of this cannot be told: its plugin is off."}
)


@dataclass(frozen=True)
class BoundTool:
    """A tool as one agent has it, also one that is not there any more: `approval` and `fixed` arguments are the agent's own."""

    ref: str
    name: str
    tool: Tool
    source: ToolSource
    approval: str
    fixed: Mapping[str, Any]

    @property
    def is_there(self) -> bool:
        """Whether it can be called."""
        return self.tool is not _GONE

    @property
    def rest(self) -> str:
        """What the source knows the tool by."""
        return self.ref.partition(":")[2]

    @property
    def spec(self) -> ToolSpec:
        """The tool as the model is told of it: without the arguments that it cannot choose."""
        schema = self.tool.parameters
        properties = {name: value for name, value in (schema.get("properties") or {}).items() if name not in self.fixed}
        needed = [name for name in schema.get("required") or [] if name not in self.fixed]
        return ToolSpec(self.name, self.tool.description, {**schema, "properties": properties, "required": needed})


def toolbox(app: "App", entries: Sequence[Mapping[str, Any]]) -> Sequence[BoundTool]:
    """The tools of an agent's definition, in its order; those that are there have names of their own."""
    found: list[BoundTool] = []
    for entry in entries:
        source, tool = agents.find_tool(app, entry["ref"])
        name = _free(tool.name, {bound.name for bound in found}) if tool is not None else ""
        found.append(BoundTool(entry["ref"], name, tool or _GONE, source or _NOWHERE, entry["approval"], entry["arguments"]))
    return found


def _free(name: str, taken: Collection[str]) -> str:
    """The name as models accept it; with a number where two tools would have the same."""
    plain = _NO_NAME.sub("_", name)[: _LONGEST_NAME - 4] or "tool"
    return next(each for each in (plain, *(f"{plain}_{n}" for n in range(2, 1000))) if each not in taken)
