"""Startable objects: other plugins start their runs as nodes of workflows or on schedules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core.data.records import find
from aasim_core.errors import Invalid, Problem, Refused

from ..models import Execution

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

_HOOK = "startables"
#: How deep runs may start each other.
DEEPEST = 5


@dataclass(frozen=True)
class Target:
    """An object that can be run, in one `version`."""

    id: str
    version: int
    label: str
    project_id: str | None = None
    input_schema: Any = None


@dataclass(frozen=True)
class Startable:
    """A type of objects that can be run.

    `find(object_id, version, principal)` is the target, in its current version for None. It raises what the object's own endpoints
    do: the one 404 or ``permission_denied`` for a principal who may not run it, Invalid for a version that there is not.
    `start(target_id, version, given, initiator_id, **about)` queues its run; `about` is what `service.start` takes besides.
    """

    foreseen: ClassVar = (Refused,)

    type: str
    find: Callable[[str, int | None, Principal], Target]
    start: Callable[..., Execution]


def startable(app: App, type_: str, field: str = "type") -> Startable:
    """Return the starter of objects of that type in the organization in scope; Invalid for the `field` where no enabled plugin has one."""
    found: Startable | None = app.offers.here(_HOOK).get(type_)
    if found is None:
        plugin = app.offers.off_here(_HOOK, type_)
        known = ", ".join(sorted(app.offers.here(_HOOK)))
        reason = (
            app.features.explain_off(plugin, f"the type {type_}")
            if plugin
            else f"Nothing of the type {type_} can be run; write {known}."
        )
        raise Invalid({field: [Problem("invalid_choice", reason)]})
    return found


def refuse_deep(parent: Execution) -> None:
    """Refused ``invalid_state`` where runs have started each other so deep that this one may start no other."""
    above = parent
    for _ in range(DEEPEST - 1):
        if above.parent_id is None:
            return
        above = find(Execution, above.parent_id)
    raise Refused("invalid_state", f"Runs start each other at most {DEEPEST} deep.")
