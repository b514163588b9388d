"""The optional parts of a new plugin: for each, the settings that its files in `templates/parts/` do not contain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Part:
    """One thing that a plugin brings.

    `readme` is its line there. `requires` and `uses` name the plugin whose hook it implements. `core` are names of `aasim_core`, and
    `imports` further lines, that its hook needs. `events` are those that it emits, by the word after the dot: (summary, kind, data).
    """

    readme: str
    requires: str = ""
    uses: str = ""
    core: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    events: Mapping[str, str] = field(default_factory=dict)


def _offered(readme: str, plugin: str, kind: str, module: str, name: str, *, is_optional: bool = False) -> Part:
    """A part that one object is, for the hook of another plugin, which has to be on unless it `is_optional`."""
    imports = (f"from aasim_plugins.{plugin}.hookspecs import {kind}", f"from .{module} import {name}")
    return Part(readme, "" if is_optional else plugin, plugin if is_optional else "", imports=imports)


#: The parts by the words of the command line.
PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "engine": _offered(
            "Provider of engines `${plugin}`: repeats the last message.", "engines", "Provider", "engines", "ECHO"
        ),
        "tool": _offered("Tool `${plugin}:find`: finds ${plural} by their names.", "executions", "ToolSource", "tools", "TOOLS"),
        "grader": _offered(
            "Grader `${plugin}`: whether the output holds a word.", "rubrics", "Grader", "graders", "HOLDS_A_WORD"
        ),
        "connector": _offered(
            "Connector `${plugin}`: searches in a service.", "connected_apps", "Connector", "connectors", "APP"
        ),
        "listener": Part(
            "Listener: to `${event}created`.",
            core=("Listener",),
            imports=("from .listeners import notice",),
            events={"noticed": '"${a_singular} was noticed", "${prefix}"'},
        ),
        "job": Part(
            "Job `${plugin}.count`: once a day for each organization.",
            core=("Job",),
            imports=(
                "from functools import partial",
                "from aasim_core.schemas.fields import Integer",
                "from aasim_core.tenancy.organizations_with import organizations_with",
                "from .jobs import count",
            ),
            events={"counted": '"All were counted", "organization", {"count": Integer(0, required=True)}'},
        ),
        "node-type": _offered("Type of nodes `${plugin}_join`: joins texts.", "workflows", "NodeType", "nodes", "JOIN"),
        "card": _offered(
            "Card of the dashboard `${plugin}`: how many there are.", "dashboard", "Card", "cards", "CARD", is_optional=True
        ),
    }
)
