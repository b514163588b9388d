"""What the feature agents offers to other plugins: the hook for tools that agents can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pluggy

if TYPE_CHECKING:
    from aasim_core.access.rights import Rights
    from aasim_core.app import App

hookspec = pluggy.HookspecMarker("aasim")

#: What a tool does to the world outside of the run.
Effect = Literal["read", "write", "delete", "pay", "send", "grant"]


class ToolError(Exception):
    """The tool did not do what it was asked to; `message` is for the model and for people, without secrets.

    `unknown` says that its effect may have happened all the same: unless the tool is idempotent, a person is asked then.
    """

    def __init__(self, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.message, self.unknown = message, unknown


class ToolLater(Exception):
    """The tool cannot be used now, and nothing was done: the run goes back to the queue for `seconds`, and makes the call then."""

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.message, self.seconds = message, seconds


@dataclass(frozen=True)
class Tool:
    """A tool as its source describes it now.

    `name` is what models call it by: letters, digits, ``_`` and ``-``, at most 64. `parameters` is the JSON Schema of its arguments,
    an object. `allowed(rights, user_id)` says whether whoever started the run may use it. A call of an `idempotent` tool with the same
    idempotency key has its effect once, so that it is repeated after a crash without asking anybody.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    allowed: Callable[[Rights, str], bool]
    effect: Effect = "write"
    idempotent: bool = False


@dataclass(frozen=True)
class ToolUse:
    """One call of a tool: what follows the kind in its ref, the arguments, and for whom.

    The arguments meet the tool's schema. `idempotency_key` is the same for every attempt of this call. The call ends within
    `seconds_left`, and soon after `should_cancel` says so.
    """

    rest: str
    arguments: Mapping[str, Any]
    idempotency_key: str
    execution_id: str
    step: int
    initiator_id: str
    seconds_left: float
    should_cancel: Callable[[], bool]


@dataclass(frozen=True)
class Awaited:
    """The tool's result comes later: the run pauses until it is resumed, and then asks `ToolSource.result` for this `id`."""

    id: str


def _never(_awaited_id: str) -> Any:
    raise AssertionError("a source that returns Awaited has a result")


@dataclass(frozen=True)
class ToolSource:
    """Where tools of one kind come from: an agent names them as ``<kind>:<rest>``.

    All functions are called in the organization's scope. `find(rest)` is the tool, or None where there is none. `call` does it,
    outside of transactions, and returns a JSON value, or `Awaited`; it raises `ToolError`, or `ToolLater`. `result` is what came of an
    `Awaited`, None as long as nothing did.
    """

    kind: str
    find: Callable[[str], Tool | None]
    call: Callable[[ToolUse], Any]
    result: Callable[[str], Any] = _never


@hookspec
def agent_tools(app: App) -> Sequence[ToolSource]:
    """Return the kinds of tools that the plugin brings for agents.

    A call is recorded before it is made, so that after a crash it is known what may have happened; see `Tool.idempotent`. Tools whose
    effect is ``delete``, ``pay``, ``send`` or ``grant`` are put to people first, unless the agent says otherwise. What a tool returns is
    data for the model: it is cut to 16 kB, and never becomes a template, a path or an address.
    """
    raise AssertionError("a hook specification is never called")
