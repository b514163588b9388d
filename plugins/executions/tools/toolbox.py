"""The toolbox of a run: tools by ref, with names for the model and fixed arguments."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import orjson

from aasim_core.text.json import keepable

from .sources import Awaited, Tool, ToolError, ToolSource, ToolUse

if TYPE_CHECKING:
    from aasim_core.app import App

_HOOK = "tools"
#: The approval settings that are not expressions.
APPROVALS = ("auto", "never", "always")
#: What an expression in a tool's approval can use.
APPROVAL_NAMES = ("arguments", "effect", "tool")
#: What models accept as the name of a tool.
_LONGEST_NAME = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def _nothing(use: ToolUse) -> Any:
    raise ToolError("The tool is not there any more.")


#: Placeholders for a tool that no longer exists, which nobody may use, and for its source.
_GONE = Tool("gone", "", {"type": "object"}, lambda rights, user_id: False)
_NOWHERE = ToolSource(
    "gone", lambda rest: None, _nothing, lambda awaited_id: {"error": "What became of this cannot be told: its plugin is off."}
)
#: Why a tool cannot be called, by the reason of `FoundTool`.
_REASONS: Mapping[str | None, str] = {
    "not_found": "The tool {name} is not there any more.",
    "plugin_failed": "The tool {name} is unavailable: the plugin {plugin}, which brings it, failed.",
    "feature_disabled": "The tool {name} is unavailable: the plugin {plugin}, which provides it, is disabled for the organization.",
}


#: Why a tool is unavailable: its plugin is disabled for the organization, its plugin has a fault, or it does not exist.
Reason = Literal["feature_disabled", "plugin_failed", "not_found"]


@dataclass(frozen=True)
class FoundTool:
    """A tool by its ref: `tool` is None with a `reason` if it is unavailable.

    `source` is the source of its kind, and `plugin` the source's plugin; both are None where no enabled plugin has it.
    """

    source: ToolSource | None = None
    tool: Tool | None = None
    plugin: str | None = None
    reason: Reason | None = None


def find_tool(app: "App", ref: str) -> FoundTool:
    """The tool of that ref, ``<kind>:<rest>``, for the organization in scope."""
    kind, _, rest = ref.partition(":")
    source: ToolSource | None = app.offers.here(_HOOK).get(kind)
    plugin = app.offers.owner_of(_HOOK, kind)
    if source is None:
        return FoundTool(plugin=plugin, reason="feature_disabled" if app.offers.off_here(_HOOK, kind) else "not_found")
    try:
        with app.offers.containing(_HOOK, kind):
            tool = _checked(source.find(rest))
    except ToolError:
        return FoundTool(source, plugin=plugin, reason="plugin_failed")
    return FoundTool(source, tool, plugin, None if tool is not None else "not_found")


def kinds_of_tools(app: "App") -> Collection[str]:
    """The kinds of tools that there are for the organization in scope."""
    return app.offers.here(_HOOK).keys()


def _checked(tool: Any) -> Tool | None:
    if not isinstance(tool, Tool | None):
        raise TypeError("ToolSource.find returns a Tool, or None")
    return tool


@dataclass(frozen=True)
class BoundTool:
    """A tool of one definition, even an unavailable one, with its own `approval` and `fixed` arguments.

    `found` is the resolution at the beginning of the turn; `is_on` returns whether its plugin is enabled for the organization. With a
    `key`, that is the idempotency key of its calls; otherwise each has one of its own.
    """

    ref: str
    name: str
    tool: Tool
    source: ToolSource
    approval: str
    fixed: Mapping[str, Any]
    found: FoundTool
    is_on: Callable[[], bool]
    key: str | None = None
    #: The hook and the name of the offer that makes its calls.
    brought: tuple[str, str] | None = None

    def call(self, app: "App", use: ToolUse) -> Any:
        """Return what the tool answers, a JSON value or `Awaited`; another value is a fault of the plugin that brings it."""
        value = self.source.call(use)
        if isinstance(value, Awaited) or self.brought is None:
            return value
        with app.offers.containing(*self.brought):
            kept = keepable(value)
            orjson.dumps(kept)
        return kept

    @property
    def is_there(self) -> bool:
        """Whether it can be called."""
        return self.found.tool is not None and self.is_on()

    @property
    def is_off(self) -> bool:
        """Return whether it is unavailable because its plugin is disabled for the organization."""
        return self.found.reason == "feature_disabled" or (self.found.tool is not None and not self.is_on())

    def why_not_there(self, name: str) -> str:
        """Why the tool, called `name`, cannot be called, in a sentence for the model and for people."""
        reason = "feature_disabled" if self.is_off else self.found.reason
        return _REASONS[reason].format(name=name, plugin=self.found.plugin)

    @property
    def missing(self) -> str:
        """What has to be there before the tool can be called: its plugin, if that is known."""
        return f"plugin:{self.found.plugin}" if self.found.plugin else f"tool:{self.ref}"

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the ref's current definition, whatever the tool's name: with one digest, the same arguments have the
        same effect."""
        tool = self.tool
        facts = (self.ref, tool.contract, tool.description, tool.parameters, tool.effect, tool.idempotent)
        return sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def rest(self) -> str:
        """What the source knows the tool by."""
        return self.ref.partition(":")[2]


def toolbox(app: "App", entries: Sequence[Mapping[str, Any]]) -> Sequence[BoundTool]:
    """Return the tools of a definition, in its order; available ones have unique names."""
    box: list[BoundTool] = []
    for entry in entries:
        ref, found = entry["ref"], find_tool(app, entry["ref"])
        name = _free(found.tool.name, {bound.name for bound in box}) if found.tool is not None else ""
        tool, source, is_on = found.tool or _GONE, found.source or _NOWHERE, partial(_is_on, app, ref.partition(":")[0])
        brought = None if found.source is None else (_HOOK, found.source.kind)
        box.append(BoundTool(ref, name, tool, source, entry["approval"], entry["arguments"], found, is_on, brought=brought))
    return box


def _is_on(app: "App", kind: str) -> bool:
    return kind in kinds_of_tools(app)


def _free(name: str, taken: Collection[str]) -> str:
    """The name as models accept it; with a number where two tools would have the same."""
    plain = _NO_NAME.sub("_", name)[: _LONGEST_NAME - 4] or "tool"
    return next(each for each in chain([plain], (f"{plain}_{n}" for n in range(2, 1000))) if each not in taken)
