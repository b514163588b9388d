"""Who acts, for which organization, in which request: ambient facts that every layer reads and only the edges set."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

#: The scope that sees every organization; only `system_scope` sets it.
EVERY_ORGANIZATION = "*"


class NoScope(RuntimeError):
    """A tenant's table was touched outside any organization; enter `organization_scope` first."""


@dataclass(frozen=True)
class Actor:
    """Who is responsible for a change: a user, an API key, the system, or a plugin."""

    type: str
    id: str | None
    label: str
    ip: str | None = None


SYSTEM = Actor("system", None, "system")

_scope: ContextVar[str | None] = ContextVar("aasim_scope", default=None)
_actor: ContextVar[Actor] = ContextVar("aasim_actor", default=SYSTEM)
_request_id: ContextVar[str | None] = ContextVar("aasim_request_id", default=None)


def current_scope() -> str:
    """The organization whose rows are visible, or `EVERY_ORGANIZATION`; raises `NoScope` outside of both."""
    scope = _scope.get()
    if scope is None:
        raise NoScope("no organization is in scope; wrap the call in organization_scope(organization_id)")
    return scope


def current_organization() -> str:
    """The organization in scope; raises `NoScope` when there is none, or all are."""
    scope = current_scope()
    if scope == EVERY_ORGANIZATION:
        raise NoScope("a system scope has no organization; wrap the call in organization_scope(organization_id)")
    return scope


def current_actor() -> Actor:
    """Who is responsible for what happens now; the system when nobody else is."""
    return _actor.get()


def current_request_id() -> str | None:
    """The id of the request (or of the job's original request) that is being served."""
    return _request_id.get()


@contextmanager
def organization_scope(organization_id: str) -> Iterator[None]:
    """Make the rows of one organization, and no others, visible."""
    if not organization_id or organization_id == EVERY_ORGANIZATION:
        raise NoScope(f"{organization_id!r} is not an organization's id")
    token = _scope.set(organization_id)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def system_scope(reason: str) -> Iterator[None]:
    """Make every organization's rows visible, for `reason`; each call site is listed in tests/isolation/system_scopes.txt."""
    if not reason:
        raise NoScope("system_scope needs a reason")
    token = _scope.set(EVERY_ORGANIZATION)
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def acting_as(actor: Actor, request_id: str | None = None) -> Iterator[None]:
    """Make `actor` responsible for the events that are emitted inside."""
    tokens = _actor.set(actor), _request_id.set(request_id)
    try:
        yield
    finally:
        _actor.reset(tokens[0])
        _request_id.reset(tokens[1])
