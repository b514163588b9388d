"""The one interface between the platform and a model: messages in, a reply out, errors of one family."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args

from aasim_core import PartShape, PluginFault, StartupError
from aasim_core.text.json import keepable

if TYPE_CHECKING:
    from aasim_core.secrets import Secret

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls"]
ErrorCode = Literal["unavailable", "rate_limited", "timeout", "context_overflow", "refused", "invalid_request", "auth"]

ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)
_RETRYABLE = frozenset({"unavailable", "rate_limited", "timeout"})


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class Unfinished(Exception):
    """A call ended without a reply; `partial` is what had come by then, None where the provider does not say."""

    partial: "Partial | None" = None


class Cancelled(Unfinished):
    """The call ended because `should_cancel` said so."""


class EngineError(Unfinished):
    """The model gave no reply.

    `message` is a sentence for a person, without secrets. `retryable` is whether the same call may succeed later; by default,
    `unavailable`, `rate_limited` and `timeout` are. `retry_after` is in seconds, if the provider sent it. After an error that
    `may_fall_back` the engine's next fallback is called.
    """

    def __init__(self, code: ErrorCode, message: str, *, retryable: bool | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = code in _RETRYABLE if retryable is None else retryable
        self.retry_after = retry_after
        self.may_fall_back = self.retryable


class ProviderOff(EngineError):
    """The plugin of the engine's provider is disabled for the organization, or for the installation; `plugin` if it is known."""

    def __init__(self, provider: str, plugin: str | None) -> None:
        off = f"the plugin {plugin}, which provides {provider}, is disabled for the organization"
        super().__init__("unavailable", off if plugin else f"the plugin that provides {provider} is disabled", retryable=False)
        self.plugin = plugin
        self.missing = f"plugin:{plugin}" if plugin else f"provider:{provider}"
        self.may_fall_back = True


class ProviderFailed(EngineError):
    """The plugin that brings the engine's provider has a fault; the same call would meet it again."""

    def __init__(self, fault: PluginFault) -> None:
        super().__init__("unavailable", f"the plugin {fault.plugin} failed as a provider of engines", retryable=False)
        self.plugin = fault.plugin
        self.may_fall_back = True


class NoRoom(EngineError):
    """The engine's own limits have no capacity for the call now; `retry_after` says when to try again. No provider raises it."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__("rate_limited", message, retry_after=retry_after)


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model wants to have called; `arguments` is JSON text as the model wrote it, and may not be valid."""

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """Return the arguments as a storable object; raises ValueError with a sentence for the model."""
        try:
            value = json.loads(self.arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the arguments of {self.name} are not valid JSON") from error
        if not isinstance(value, dict):
            raise ValueError(f"the arguments of {self.name} must be a JSON object")  # noqa: TRY004 - one kind of error to catch
        return dict(keepable(value))


@dataclass(frozen=True)
class Message:
    """One turn of a conversation; `tool_calls` only from the assistant, `tool_call_id` only with the result of a tool."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True)
class ToolSpec:
    """A tool that the model may call; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True)
class Usage:
    """Tokens of one call, and whether the provider counted them or we estimated.

    Of the `input_tokens`, `cache_read_tokens` were read from the provider's cache and `cache_write_tokens` written to it.
    """

    input_tokens: int
    output_tokens: int
    source: Literal["reported", "estimated"] = "reported"
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class Reply:
    """What the model answered; `length` as `finish` means that text, JSON and tool calls may be cut off."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    finish: Finish
    raw_model: str


@dataclass(frozen=True)
class Partial:
    """What came of a call that ended without a reply.

    `usage` is None where the provider has not reported any. `reasoning` is what the model wrote for itself; it is paid for like the
    text. `sent` says whether the model may have read the messages.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    raw_model: str | None = None
    sent: bool = True


@contextmanager
def keeping(so_far: Callable[[], Partial]) -> Iterator[None]:
    """Attach what had come so far to the `Cancelled` or `EngineError` that ends the call inside."""
    try:
        yield
    except Unfinished as end:
        end.partial = so_far()
        raise


@dataclass(frozen=True)
class Parameters:
    """How to generate; None leaves it to the provider.

    `extra` holds what only one provider understands. `timeout_seconds` bounds the whole call, from the first byte sent to the
    last one read. `attempt` counts the tries of this very turn, from 1.
    """

    temperature: float | None = None
    max_output_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=_nothing)
    timeout_seconds: float = 120
    attempt: int = 1


#: Everything left to the provider.
DEFAULTS = Parameters()


@dataclass(frozen=True)
class Capabilities:
    """What the models of a provider can be trusted with; `emulated` tools are called through schema-bound JSON."""

    streaming: bool = True
    tools: Literal["native", "emulated", "none"] = "native"
    json_schema: bool = True
    judge: bool = True


@dataclass(frozen=True)
class EngineConfig:
    """What a provider needs to reach one model; `base_url` and `api_key` are None where the provider has its own."""

    model: str
    base_url: str | None = None
    api_key: "Secret | None" = field(default=None, repr=False)
    context_tokens: int | None = None


OnToken = Callable[[str], None]
ShouldCancel = Callable[[], bool]


def ignore_token(_text: str) -> None:
    """Do nothing with a piece of the reply."""


def never_cancel() -> bool:
    """Never ask a call to end."""
    return False


class Chat(Protocol):
    """An open connection to one model. It serves one call at a time; open another one for a second thread."""

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Mapping[str, Any] | None = None,
        parameters: Parameters = DEFAULTS,
        on_token: OnToken = ignore_token,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Reply:
        """Call the model for the next turn.

        `schema` is the JSON Schema that the text should obey; providers do not enforce all of it, so validate the text again. `on_token`
        receives each piece of the text as it arrives. `should_cancel` is called in the caller's thread, at most ten times a second. Raises
        `EngineError`, or `Cancelled`; both carry the text received so far (see `keeping`), because it is charged. Never retries: that is
        the caller's decision.
        """
        ...

    def close(self) -> None:
        """Release the connection; a closed chat is not used again."""
        ...


#: Called with the progress of a preparation: its current task, units done, units in total (None while unknown).
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class BuiltIn:
    """The engine that a provider brings without any configuration."""

    name: str
    model: str
    context_tokens: int
    default_parameters: Mapping[str, Any] = field(default_factory=_nothing)
    default: bool = False


@dataclass(frozen=True)
class Provider:
    """A model provider, as returned by the hook `engine_providers`.

    `name` is the value of an engine's `provider` field. `open` creates a `Chat` without input or output. `prepare` fetches what the
    provider needs on this machine, and raises `StartupError` on failure; a second run changes nothing. Calls to a `free` provider cost
    nothing. `built_in` is the engine that every organization gets; without it the provider needs a base URL or a key. `service_url` is the
    provider's own service, used by engines without a base URL. An engine of a provider that is not `addressable` has no base URL, and needs
    no key.

    Errors of an engine are reported when it is created or changed, in a sentence: `missing()` returns what must be installed,
    `closed(base_url)` why the address is not permitted. `reserved` are the parameters that the provider sets itself.
    """

    foreseen: ClassVar = (EngineError, Cancelled, StartupError)
    failed: ClassVar = ProviderFailed
    is_handed_secrets: ClassVar = True
    unhurried: ClassVar = ("prepare",)
    shown: ClassVar = PartShape(title="title", facts=("capabilities", "free", "addressable", "service_url", "reserved"))

    name: str
    title: str
    capabilities: Capabilities
    open: Callable[[EngineConfig], Chat]
    prepare: Callable[[Progress], None] | None = None
    built_in: BuiltIn | None = None
    free: bool = False
    service_url: str | None = None
    addressable: bool = True
    missing: Callable[[], str | None] = lambda: None
    closed: Callable[[str | None], str | None] = lambda _base_url: None
    reserved: frozenset[str] = frozenset()
