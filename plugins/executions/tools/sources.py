"""Tools and their sources: the types that plugins implement."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from aasim_core import PartShape, PluginFault
from aasim_core.identity.on_behalf_of import principal_now
from aasim_core.tenancy.principal import Principal

from ..shell.turn_ends import RunLater

if TYPE_CHECKING:
    from aasim_core.access.rights import Rights

_TOOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KIND = re.compile(r"[a-z][a-z0-9_]*")

#: What a tool does to the world outside of the run.
Effect = Literal["read", "write", "delete", "pay", "send", "grant"]
#: What tools do, the weakest first.
EFFECTS: tuple[Effect, ...] = get_args(Effect)
#: The effects that require approval by default.
GRAVE = frozenset({"delete", "pay", "send", "grant"})


class ToolError(Exception):
    """The tool failed; `message` is for the model and for people, without secrets, `code` for programs.

    `unknown` means that its effect may have happened: unless the tool only reads or is idempotent, a person is then asked.
    """

    def __init__(self, message: str, *, unknown: bool = False, code: str = "") -> None:
        super().__init__(message)
        self.message, self.unknown, self.code = message, unknown, code

    def told(self) -> dict[str, str]:
        """Return its message and, if it has one, its code."""
        return {"error": self.message} | ({"code": self.code} if self.code else {})


class ToolFailed(ToolError):
    """The plugin that brings the tool has a fault; what it was doing may have been done."""

    def __init__(self, fault: PluginFault) -> None:
        super().__init__(f"The plugin {fault.plugin}, which brings this tool, failed.", unknown=True, code="plugin_failed")
        self.plugin = fault.plugin


class ToolLater(Exception):
    """The tool cannot be used now, and nothing was done: the run makes the call after `seconds`.

    Where that waits for something to be there, `missing` names it, such as ``plugin:shed``: the run is blocked meanwhile.
    """

    def __init__(self, message: str, *, seconds: float, missing: str | None = None) -> None:
        super().__init__(message)
        self.message, self.seconds, self.missing = message, seconds, missing

    def ends_turn(self) -> RunLater:
        """The same for the run."""
        return RunLater(self.seconds, self.message, missing=self.missing)


class ToolChanged(Exception):
    """The tool's contract differs from `ToolUse.contract`, and nothing was done: the call is decided again."""


def principal_of(initiator_id: str | None, api_key_id: str | None) -> Principal:
    """Return the starter of a run, or the API key that started it, with current rights.

    ToolError ``permission_denied`` if they may no longer act in the organization.
    """
    principal = principal_now(initiator_id or "", api_key_id)
    if principal is None:
        raise ToolError("The run's starter may no longer act in the organization.", code="permission_denied")
    return principal


@dataclass(frozen=True)
class Tool:
    """A tool as its source describes it now.

    `name` is its name for models: letters, digits, ``_`` and ``-``, at most 64; ValueError for any other. Where an agent has two tools of
    one name, the later gets a number. `parameters` is the JSON Schema of its arguments, an object. `allowed(rights, user_id)` returns
    whether the run's starter may use it. Calls of an `idempotent` tool with the same idempotency key have one effect, so they are repeated
    after a crash without approval; so are those with the effect ``read``.

    `contract` identifies the effect of a call besides its arguments: a version, or a digest. It changes whenever the same arguments would
    have another effect. Approvals are for one contract, description, schema and effect; after a change of any, approval is requested again.

    `starts_runs` means that a call runs something else, which has tools and costs of its own; `effect` is that of the call itself.

    `quick` means that a call takes milliseconds and waits for nothing: it computes, or asks the installation's own database. A workflow
    makes it within its own run, where it starts a run for the call of another tool if there is other work. Only for repeatable tools, else
    ValueError.
    """

    foreseen: ClassVar = ()

    name: str
    description: str
    parameters: Mapping[str, Any]
    allowed: Callable[[Rights, str], bool]
    effect: Effect = "write"
    idempotent: bool = False
    contract: str = ""
    starts_runs: bool = False
    quick: bool = False

    def __post_init__(self) -> None:
        if not _TOOL.fullmatch(self.name):
            raise ValueError(f"a tool is named with 1 to 64 letters, digits, _ and -, and not {self.name!r}")
        if self.quick and not self.is_repeatable:
            raise ValueError(f"the quick tool {self.name} has to be repeatable: set idempotent=True, or effect='read'")

    @property
    def is_repeatable(self) -> bool:
        """Whether calling it once more does no harm."""
        return self.idempotent or self.effect == "read"

    @property
    def needs_record_before(self) -> bool:
        """Whether a call is recorded before it is made; that of a quick tool that only reads is recorded with its result."""
        return not (self.quick and self.effect == "read")


@dataclass(frozen=True)
class ToolUse:
    """One call of a tool: the rest of its ref, the arguments, and on whose behalf.

    The arguments meet the tool's schema. `idempotency_key` is the same for every attempt of this call. The call ends within `seconds_left`,
    and soon after `should_cancel` returns True. `contract` is that of the tool when the call was decided: a source with changing tools
    compares it with the current one, and raises `ToolChanged` if they differ.

    The `chain` says on whose behalf, from the person to the run: pass it on to a service that is to know.
    `initiator_id` is the user who started the run, or whose API key `api_key_id` did. `principal` is the one that the call acts for: check
    its rights, and not those of the user, which may be wider than the key's.
    """

    rest: str
    arguments: Mapping[str, Any]
    idempotency_key: str
    execution_id: str
    step: int
    initiator_id: str
    seconds_left: float
    should_cancel: Callable[[], bool]
    contract: str = ""
    api_key_id: str | None = None
    chain: Sequence[str] = ()

    @property
    def principal(self) -> Principal:
        """The run's starter, or the API key that started it, with current rights; ToolError if they may no longer act."""
        return principal_of(self.initiator_id, self.api_key_id)


@dataclass(frozen=True)
class Awaited:
    """The tool's result comes later: the run pauses until it is resumed, and then asks `ToolSource.result` for this `id`."""

    id: str


def _never(_awaited_id: str) -> Any:
    raise AssertionError("a source that returns Awaited has a result")


@dataclass(frozen=True)
class ToolSource:
    """Where tools of one kind come from: an agent names them as ``<kind>:<rest>``.

    `kind` is unique in the installation, lower_snake (else ValueError), and never changes: agents hold it.
    All functions are called in the organization's scope. `find(rest)` is the tool, or None where there is none. `call` does it,
    outside of transactions, and returns a JSON value, or `Awaited`; it raises `ToolError`, `ToolLater` or `ToolChanged`. `result` is what
    came of an `Awaited`, None as long as nothing did. `about` tells people what the tools are, and what follows the kind.
    """

    foreseen: ClassVar = (ToolError, ToolLater, ToolChanged)
    failed: ClassVar = ToolFailed
    unhurried: ClassVar = ("call",)
    shown: ClassVar = PartShape(summary="about")

    kind: str
    find: Callable[[str], Tool | None]
    call: Callable[[ToolUse], Any]
    result: Callable[[str], Mapping[str, Any] | None] = _never
    about: str = ""

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise ValueError(f"a kind of tools is named with lower-case letters, digits and underscores, and not {self.kind!r}")
