"""Validate a definition: every fault by its node, with what to write instead.

Consequences of a fault are not reported again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from aasim_core.errors import Invalid, Problem

from . import graph, outcomes, shape, texts, tree, uses
from .faults import LONGEST_MESSAGE, LONGEST_PATH, MOST_FAULTS, Fault
from .types import Types

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

__all__ = ["LONGEST_MESSAGE", "LONGEST_PATH", "Fault", "faults", "refuse", "told"]


def faults(app: "App", definition: Mapping[str, Any], principal: "Principal", workflow_id: str | None = None) -> Sequence[Fault]:
    """Return the faults of the definition for its author; at most MOST_FAULTS.

    `workflow_id` is that of the existing workflow, if there is one.
    """
    found = islice(_found(app, definition, principal, workflow_id), MOST_FAULTS)
    return [replace(each, path=each.path[:LONGEST_PATH], message=each.message[:LONGEST_MESSAGE]) for each in found]


def _found(app: "App", definition: Mapping[str, Any], principal: "Principal", workflow_id: str | None) -> Iterator[Fault]:
    excess = list(shape.excess(definition))
    root = tree.read({} if excess else definition)
    if excess := excess or list(shape.excess_of_graph(root)):
        yield from excess
        return
    types = Types(app)
    yield from shape.faults(root)
    yield from graph.faults(root)
    yield from outcomes.faults(root, types)
    yield from uses.faults(app, root, types, principal, workflow_id)
    yield from texts.faults(root, types)


def told(found: Sequence[Fault]) -> list[dict[str, Any]]:
    """Faults as JSON."""
    return [{"path": each.path, "code": each.code, "message": each.message, "is_hint": each.is_hint} for each in found]


def refuse(found: Sequence[Fault]) -> None:
    """Invalid for a definition that is not to be run as it is."""
    problems: dict[str, list[Problem]] = {}
    for each in found:
        if not each.is_hint:
            field = f"definition.{each.path}".rstrip(".")
            problems.setdefault(field, []).append(Problem("invalid_format", each.message, {"fault": each.code}))
    if problems:
        raise Invalid(problems)
