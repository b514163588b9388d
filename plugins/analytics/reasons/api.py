"""The endpoints of explanations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from aasim_core import App, Refused, Request, Resource, Response, operation

from ...executions.models import Execution
from ..answers import Asked, field_of, rows
from ..scope import READ, projects_of, range_of
from . import changes, schemas
from .changes import Change, Group, Row
from .failures import kinds_of

#: The groups of a period, and the number of them in a response.
_MOST_GROUPS, _MOST_TOLD = 1_000, 100


class Reasons(Resource):
    """Explanations of metrics."""

    events = "analytics"
    paths: ClassVar[Mapping[str, str]] = {"failures": "/analytics/failures", "explain": "/analytics/executions/explain"}
    failures_query, explain_query = schemas.FAILURES_QUERY, schemas.EXPLAIN_QUERY
    failures_reply, explain_reply = schemas.FailuresOut(), schemas.ExplainOut()

    def __init__(self, app: App) -> None:
        self.app = app

    @operation("read", query="failures_query", reply="failures_reply", verb="read", reach="rows", message="Failures counted.")
    def on_get_failures(self, req: Request, resp: Response) -> None:
        """Group failed runs by kind.

        Failures of one kind have the same error text, step, engine and tool.
        """
        start, end = range_of(req.query)
        reach = req.rights.reach_condition(READ, Execution, "project_id")
        within = [condition.with_values() for condition in reach]
        resp.media = {"starts_at": start, "ends_at": end, **kinds_of(start, end, within, req.query["limit"])}

    @operation("read", query="explain_query", reply="explain_reply", verb="read", reach="rows", message="Change explained.")
    def on_get_explain(self, req: Request, resp: Response) -> None:
        """Explain changes of cost and success between two periods.

        The causes are volume, mix, tokens, price and rate.
        """
        after = range_of(req.query)
        before = _other_range(req.query, *after)
        group_by, projects = tuple(req.query["group_by"]), projects_of(req)
        periods = [_by_group(self.app, Asked([start], end, group_by, projects)) for start, end in (before, after)]
        resp.media = {
            **{
                name: dict(zip(("starts_at", "ends_at"), span, strict=True))
                for name, span in (("before", before), ("after", after))
            },
            "group_by": group_by,
            "method": "shapley",
            "costs": [{"currency": each, **_told(change, group_by)} for each, change in changes.costs(*periods).items()],
            "success": _told(changes.success(*periods), group_by),
        }


def _other_range(query: Mapping[str, Any], start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return the comparison period; Refused ``invalid_parameter`` for an invalid one."""
    until = query.get("than_to", start)
    return range_of({"from": query.get("than_from", until - (end - start)), "to": until}, prefix="than_")


def _by_group(app: App, asked: Asked) -> dict[Group, Row]:
    found: dict[Group, Row] = {tuple(row["group"].values()): row for row in rows(app, asked)}
    if len(found) > _MOST_GROUPS:
        message = f"There are {len(found):,} groups, and {_MOST_GROUPS:,} at most; write fewer, or a shorter range."
        raise Refused("invalid_parameter", message, field="group_by")
    return found


def _told(change: Change, group_by: tuple[str, ...]) -> dict[str, Any]:
    named = [dict(zip(map(field_of, group_by), group, strict=True)) for group in change.groups]
    groups = [{"group": name, "parts": parts} for name, parts in zip(named, change.groups.values(), strict=True)]
    most = sorted(groups, key=lambda each: -sum(map(abs, each["parts"].values())))[:_MOST_TOLD]
    told = {"before": change.before, "after": change.after, "difference": change.after - change.before}
    return {**told, "parts": change.parts, "groups": most}
