"""Declarations of a plugin with one thing each, and what is wrong with them."""

from typing import Any

from aasim_core.access.permissions import Permission
from aasim_core.collecting.rules import broken_rules
from aasim_core.data.records import Record, TenantRecord
from aasim_core.error_codes import ErrorCode
from aasim_core.events.declarations import Event, Listener
from aasim_core.http.operations import SELF, Resource, operation
from aasim_core.jobs.declarations import Job
from aasim_core.plugins import Declarations


def work(*args: Any) -> None:
    """Do nothing."""


def table(name: str) -> type[Record]:
    """A record of that table."""
    return type("Thing", (TenantRecord,), {"Meta": type("Meta", (), {"table_name": name, "id_prefix": name})})


def resource(*templates: str) -> Resource:
    """A resource that answers at these templates."""

    @operation(SELF)
    def on_get(resource: Resource, req: Any, resp: Any) -> None:
        """Get them."""

    paths = {f"s{number}" if number else "": template for number, template in enumerate(templates)}
    responders = {f"on_get_{suffix}" if suffix else "on_get": on_get for suffix in paths}
    made: Resource = type("Things", (Resource,), {"paths": paths, **responders})()
    return made


def permissions(*ids: str) -> Declarations:
    """Declarations of permissions only."""
    return Declarations(permissions=tuple(Permission(one, "For a test.") for one in ids))


def events(*names: str, listens_to: tuple[str, ...] = ()) -> Declarations:
    """Declarations of events, and of listeners to events."""
    return Declarations(
        events=tuple(Event(name, "For a test.") for name in names),
        listeners=tuple(Listener(pattern, work) for pattern in listens_to),
    )


def jobs(*names: str) -> Declarations:
    """Declarations of jobs only."""
    return Declarations(jobs=tuple(Job(name, work) for name in names))


def codes(*names: str, status: int = 409, bundled: bool = False) -> Declarations:
    """Declarations of error codes only, of a plugin from elsewhere."""
    made = (ErrorCode(name, status, "it is full", "delete one", example="It is full.") for name in names)
    return Declarations(error_codes=tuple(made), bundled=bundled)


def tables(*names: str) -> Declarations:
    """Declarations of records only."""
    return Declarations(models=tuple(table(name) for name in names))


def routes(*templates: str) -> Declarations:
    """Declarations of one resource."""
    return Declarations(routes=(resource(*templates),))


def verdict(requires: dict[str, tuple[str, ...]] | None = None, /, **declared: Declarations) -> dict[str, str]:
    """What is wrong with these declarations, by plugin; `requires` says which plugins require which."""
    everything = {"core": Declarations(), **declared}
    return broken_rules(everything, {owner: (requires or {}).get(owner, ()) for owner in everything})
