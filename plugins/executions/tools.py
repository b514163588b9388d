"""The tools that an agent has in a run: found by their refs, named for the model, with arguments that the agent has fixed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agents import service as agents
from ..agents.hookspecs import Tool, ToolSource
from ..engines.hookspecs import ToolSpec

if TYPE_CHECKING:
    from aasim_core.app import App

#: What models accept as the name of a tool.
_LONGEST_NAME = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class BoundTool:
    """A tool as one agent has it: `approval` and `fixed` arguments are the agent's own."""

    ref: str
    name: str
    tool: Tool
    source: ToolSource
    approval: str
    fixed: Mapping[str, Any]

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


def toolbox(app: "App", entries: Sequence[Mapping[str, Any]]) -> Mapping[str, BoundTool]:
    """The tools of an agent's definition that are there, by the names that the model calls them by."""
    found: dict[str, BoundTool] = {}
    for entry in entries:
        source, tool = agents.find_tool(app, entry["ref"])
        if source is not None and tool is not None:
            name = _free(tool.name, found)
            found[name] = BoundTool(entry["ref"], name, tool, source, entry["approval"], entry["arguments"])
    return found


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """The name as models accept it; with a number where two tools would have the same."""
    plain = _NO_NAME.sub("_", name)[: _LONGEST_NAME - 4] or "tool"
    return next(each for each in (plain, *(f"{plain}_{n}" for n in range(2, 1000))) if each not in taken)
