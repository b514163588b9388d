"""The ambient context: actor, organization and request, readable by every layer and set only at the edges."""

import re
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

#: The scope that sees every organization; set only by `system_scope`.
EVERY_ORGANIZATION = "*"


class NoScope(RuntimeError):
    """A tenant's table was used outside any organization; enter `organization_scope` first."""


@dataclass(frozen=True)
class Actor:
    """The originator of a change: a user, an API key, the system, or a plugin."""

    type: str
    id: str | None
    label: str
    ip: str | None = None


SYSTEM = Actor("system", None, "system")

_scope: ContextVar[str | None] = ContextVar("aasim_scope", default=None)
_actor: ContextVar[Actor] = ContextVar("aasim_actor", default=SYSTEM)
_request_id: ContextVar[str | None] = ContextVar("aasim_request_id", default=None)
_traceparent: ContextVar[str | None] = ContextVar("aasim_traceparent", default=None)
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def current_scope() -> str:
    """Return the organization whose rows are visible, or `EVERY_ORGANIZATION`; raises `NoScope` outside of both."""
    scope = _scope.get()
    if scope is None:
        raise NoScope("no organization is in scope; wrap the call in organization_scope(organization_id)")
    return scope


def scope_or_nothing() -> str:
    """Return the organization in scope, `EVERY_ORGANIZATION`, or an empty string without a scope."""
    return _scope.get() or ""


def current_organization() -> str:
    """Return the organization in scope; raises `NoScope` when there is none, or all are."""
    scope = _scope.get() or current_scope()
    if scope == EVERY_ORGANIZATION:
        raise NoScope("a system scope has no organization; wrap the call in organization_scope(organization_id)")
    return scope


def current_actor() -> Actor:
    """Return the current actor; the system by default."""
    return _actor.get()


def current_request_id() -> str | None:
    """Return the id of the request (or of the job's original request) that is being served."""
    return _request_id.get()


def current_traceparent() -> str | None:
    """Return the trace context of the request, to be passed on to services called for it (W3C Trace Context)."""
    return _traceparent.get()


class _With(AbstractContextManager[None]):
    """Sets one value for its block; a class, because a generator takes three times as long, and each request enters several."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[Any], value: str) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)


def organization_scope(organization_id: str) -> AbstractContextManager[None]:
    """Make the rows of one organization, and no others, visible."""
    if not organization_id or organization_id == EVERY_ORGANIZATION:
        raise NoScope(f"{organization_id!r} is not an organization's id")
    return _With(_scope, organization_id)


def system_scope(reason: str) -> AbstractContextManager[None]:
    """Make every organization's rows visible, for `reason`; each call site is listed in tests/isolation/system_scopes.txt."""
    if not reason:
        raise NoScope("system_scope needs a reason")
    return _With(_scope, EVERY_ORGANIZATION)


def traced_by(traceparent: str) -> AbstractContextManager[None]:
    """Use that trace context for calls inside the block."""
    return _With(_traceparent, traceparent)


class acting_as(AbstractContextManager[None]):  # noqa: N801 - it is used as a function
    """Make `actor` the originator of the events emitted inside the block, in the request of that id.

    `traceparent` is passed on; an invalid one is dropped, as the standard requires.
    """

    __slots__ = ("_actor", "_request_id", "_tokens", "_traceparent")

    def __init__(self, actor: Actor, request_id: str | None = None, traceparent: str | None = None) -> None:
        self._actor, self._request_id = actor, request_id
        self._traceparent = traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else current_traceparent()

    def __enter__(self) -> None:
        self._tokens = _actor.set(self._actor), _request_id.set(self._request_id), _traceparent.set(self._traceparent)

    def __exit__(self, *_: object) -> None:
        actor, request_id, traceparent = self._tokens
        _actor.reset(actor)
        _request_id.reset(request_id)
        _traceparent.reset(traceparent)
