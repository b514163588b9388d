"""The interface of connectors: what one implements, and what it receives."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from aasim_core import PartShape, PluginFault, Refused
from aasim_core.outbound.secret_addresses import Address

if TYPE_CHECKING:
    import httpx2

    from aasim_core.outbound.deadlines import Patience
    from aasim_core.outbound.egress import Egress
    from aasim_core.secrets import Secret

AuthType = Literal["oauth2", "api_key", "bearer", "basic", "mcp"]
Effect = Literal["read", "write", "delete", "pay", "send", "grant"]
ErrorCode = Literal[
    "not_found", "halted", "not_connected", "invalid_arguments", "not_allowed", "auth", "refused", "rate_limited", "unavailable",
    "timeout", "cancelled", "too_large", "invalid_answer", "changed",
]  # fmt: skip

AUTH_TYPES: tuple[AuthType, ...] = get_args(AuthType)
EFFECTS: tuple[Effect, ...] = get_args(Effect)
ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)
#: What may work later, with nothing changed.
PASSING: tuple[ErrorCode, ...] = ("unavailable", "timeout", "rate_limited")
#: The most that the answers to one call may weigh together; what an agent gets of it is less (see `calling.MOST_BYTES`).
MOST_BYTES = 4 * 1024 * 1024


#: The error codes shown to API clients; for all others, ``invalid_state``.
_ANSWERED = {"timeout": "upstream_timeout", "unavailable": "unavailable", "rate_limited": "unavailable"}


class AppError(Exception):
    """A call of a connected app failed.

    `summary` is a sentence for a person or a model, without secrets; `said` is the service's own text, which may repeat its input. The
    caller gets both as `message`; readers of the app only the summary. `unknown` means that the effect may have happened. With the code
    ``auth``, `is_final` means that no new token helps: a person must authorize the app again.
    """

    def __init__(self, code: ErrorCode, summary: str, said: str = "", *, unknown: bool = False, is_final: bool = False) -> None:
        self.message = f"{summary}: {said}" if said.strip() else summary
        super().__init__(self.message)
        self.code: ErrorCode = code
        self.summary = summary
        self.said = said
        self.unknown = unknown
        self.is_final = is_final


class ConnectorFailed(AppError):
    """The plugin that brings the connector has a fault; what it was doing may have been done."""

    def __init__(self, fault: PluginFault) -> None:
        super().__init__("invalid_answer", f"the plugin {fault.plugin} failed as a connector", unknown=True)
        self.fault = fault


def refusal(error: AppError) -> Refused:
    """An error of an app, as shown to an API client."""
    if isinstance(error, ConnectorFailed):
        return error.fault
    message = f"{error.message[:1].upper()}{error.message[1:]}."
    return Refused(_ANSWERED.get(error.code, "invalid_state"), message, meta={"code": error.code})


def not_allowed(host: str) -> AppError:
    """What is said of a host where apps may not be."""
    return AppError("not_allowed", f"apps may not be at {host}; the operator can allow it in connected_apps.allowed_networks")


@dataclass(frozen=True)
class Operation:
    """Something that an app can do: `parameters` is the JSON Schema of its arguments, an object.

    `effect` is the worst that it does; `idempotent` says that doing it twice does no more than doing it once.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({"type": "object"}))
    effect: Effect = "write"
    idempotent: bool = False


@dataclass(frozen=True)
class Tokens:
    """What an authorization server gave out; `scopes` is None where it did not say."""

    access_token: "Secret"
    refresh_token: "Secret | None" = None
    expires_at: datetime | None = None
    scopes: tuple[str, ...] | None = None


def never() -> bool:
    """Never ask a call to end."""
    return False


@dataclass(frozen=True)
class Connection:
    """A connector's access to one app for one call; its secrets are available only meanwhile.

    `egress` decides which addresses may be reached: use `client`, or `egress.connect` for other protocols than HTTP. `deadline` is on the
    clock of `time.monotonic`, and `should_stop` returns whether the caller has stopped waiting. `shown` are the credentials that are not
    secret; the others are masked in all results.
    """

    app_id: str
    auth_type: AuthType
    config: Mapping[str, Any]
    scopes: tuple[str, ...]
    credentials: "Mapping[str, Secret]"
    tokens: Tokens | None
    egress: "Egress"
    deadline: float
    shown: frozenset[str] = frozenset()
    should_stop: Callable[[], bool] = never

    @property
    def seconds_left(self) -> float:
        """How long the call may still take; raises ``timeout`` once that is nothing."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise AppError("timeout", "there was no time left for the call")
        return left

    def client(self, **options: Any) -> "httpx2.Client":
        """An HTTP client that goes only where it may, for as long as the call may take; `options` are those of httpx."""
        from aasim_core.outbound.client import guarded_client

        return guarded_client(self.egress, self.patience(), **options)

    def patience(self) -> "Patience":
        """The limits of the call, for other clients of `aasim_core.outbound`."""
        from aasim_core.outbound.deadlines import Patience

        patience = Patience(MOST_BYTES)
        patience.begin(self.seconds_left, self.should_stop)
        return patience


@dataclass(frozen=True)
class Call:
    """One use of an operation; `arguments` meet its schema. Two calls with one `idempotency_key` have one effect."""

    operation: str
    arguments: Mapping[str, Any]
    idempotency_key: str


@dataclass(frozen=True)
class HttpRequest:
    """A request that no operation declares; values of the `query` are added to that of the URL, in which nothing is secret."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether doing it twice does no more than doing it once."""
        return self.method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")


@dataclass(frozen=True)
class HttpAnswer:
    """What came of it: the names of `headers` are in small letters, `body` is a JSON value."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Requests:
    """Undeclared requests of a connector.

    `send(connection, request)` sends one with the app's credentials; any status is a response, except 401, which is ``auth``.
    `why_not(config, method, url)` returns why a request is not permitted: ``(field, sentence)`` with ``connected_app_id``, ``method`` or
    ``url``, or None. It is called before each. Credentials are sent only to addresses that the configuration permits, redirects included.
    """

    foreseen: ClassVar = (AppError,)
    failed: ClassVar = ConnectorFailed
    is_handed_secrets: ClassVar = True
    unhurried: ClassVar = ("send",)

    send: Callable[[Connection, HttpRequest], HttpAnswer]
    why_not: Callable[[Mapping[str, Any], str, str], tuple[str, str] | None]


@dataclass(frozen=True)
class Authorization:
    """How a person allows the platform to use an app in their name, by OAuth's authorization code with PKCE.

    `url(connection, redirect_uri, state, verifier)` is where to send the person; `exchange(connection, redirect_uri, code, verifier)`
    makes tokens of the code that comes back. `applies(config)` says whether this app is connected in that way.
    """

    foreseen: ClassVar = (AppError,)
    failed: ClassVar = ConnectorFailed
    is_handed_secrets: ClassVar = True
    unhurried: ClassVar = ("exchange",)

    url: Callable[[Connection, str, str, str], str]
    exchange: Callable[[Connection, str, str, str], Tokens]
    applies: Callable[[Mapping[str, Any]], bool] = lambda config: True


def _none(*_: Any) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class Connector:
    """A way to reach apps of one kind. `name` is what records have as `provider`: lower_snake, and never changed.

    `credentials` has the ways to authenticate, each with the JSON Schema of what has to be known for it: an object of texts. They are
    masked in what comes back, but for those with ``"writeOnly": false``, such as a user name. `config` is the schema of everything
    that is no secret; `flaws(config, auth_type)` gives ``(path, sentence)`` for what it cannot see.

    `call(connection, call)` does an operation and returns a JSON value. `probe(connection)` finds out, without an effect, whether the
    app answers and takes the credentials. Both raise `AppError`; ``auth`` where the credentials are not taken. `addresses(config)`
    are where requests may go, the app itself first, and then always in the same order, what may be left out last; none for one on this
    machine.

    `request(config, operation)` is what of the configuration makes a call of the operation the one that it is: a JSON value, with the host
    in it. People approve a call for this request, and are asked again when it changes; by default that is all of the configuration.

    What an app can do is said by `operations(config)`, or, where the app has to be asked for it, by `sync(connection)`.
    `refresh(connection)` gets new tokens, `can_refresh` says whether it can without a person; `revoke(connection)` has the provider
    forget them; it raises `AppError` where it is not told. `authorization` is how a person gives them. `requests` is how workflows make
    requests besides the operations, where the configuration allows it; `request(config, "")` is what makes one of them what it is.
    """

    foreseen: ClassVar = (AppError,)
    failed: ClassVar = ConnectorFailed
    is_handed_secrets: ClassVar = True
    unhurried: ClassVar = ("call", "probe", "sync", "refresh", "revoke")
    shown: ClassVar = PartShape(title="title", schemas=("config",), schemas_by_name=("credentials",))

    name: str
    title: str
    credentials: Mapping[AuthType, Mapping[str, Any]]
    config: Mapping[str, Any]
    addresses: Callable[[Mapping[str, Any]], Sequence[Address]]
    call: Callable[[Connection, Call], Any]
    probe: Callable[[Connection], None]
    flaws: Callable[[Mapping[str, Any], AuthType], Iterable[tuple[str, str]]] = _none
    operations: Callable[[Mapping[str, Any]], Sequence[Operation]] = _none
    request: Callable[[Mapping[str, Any], str], Any] = lambda config, operation: config
    sync: Callable[[Connection], Sequence[Operation]] | None = None
    refresh: Callable[[Connection], Tokens] | None = None
    can_refresh: Callable[[Connection], bool] = lambda connection: True
    revoke: Callable[[Connection], None] | None = None
    authorization: Authorization | None = None
    requests: Requests | None = None
