"""The scope of a query: its time range, and the projects whose numbers the caller may see."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aasim_core import Refused, Request
from aasim_core.access.records import Node
from aasim_core.clock import now, to_text

from .periods import BEGINNING, QUARTER, quarter_of

READ = "analytics:read"
_USUAL = timedelta(days=7)
_LONGEST = timedelta(days=3660)


def range_of(query: Mapping[str, Any], prefix: str = "") -> tuple[datetime, datetime]:
    """From when until when; Refused ``invalid_parameter`` where that cannot be, of fields with the prefix."""
    present = quarter_of(now()) + QUARTER
    end = min(query.get("to", present), present)
    start = query.get("from", max(BEGINNING, quarter_of(end) - _USUAL))
    for name, moment in (("from", start), ("to", end)):
        if quarter_of(moment) != moment:
            message = f"Write a time at a full quarter of an hour, such as {to_text(quarter_of(moment))}."
            raise Refused("invalid_parameter", message, field=f"{prefix}{name}")
    if start >= end:
        message = f"Write a time before the end of the range, {to_text(end)}; nothing ends in the future."
        raise Refused("invalid_parameter", message, field=f"{prefix}from")
    if end - start > _LONGEST:
        raise Refused(
            "invalid_parameter",
            f"Write {to_text(end - _LONGEST)} or later: a range has ten years at most.",
            field=f"{prefix}from",
        )
    return start, end


def projects_of(req: Request) -> frozenset[str] | None:
    """The projects that the caller may see the numbers of; None for everything, with what belongs to no project."""
    conditions = req.rights.reach_condition(READ, Node, "id")
    return projects_within([condition.with_values() for condition in conditions])


def projects_within(within: Sequence[Any]) -> frozenset[str] | None:
    """The projects that meet these expressions, which restrict nodes to a caller's reach; None for everything, where there are none."""
    if not within:
        return None
    found: Any = Node.select(Node.id).where(Node.kind == "project", *within).tuples()
    return frozenset(node_id for (node_id,) in found)
