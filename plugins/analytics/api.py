"""The endpoints of analytics."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from aasim_core import App, Refused, Request, Resource, Response, operation
from aasim_core.clock import to_text
from aasim_core.context import current_organization
from aasim_core.data.records import find
from aasim_core.resources.exports import MEDIA_TYPES, csv_of
from aasim_core.tenancy.records import Organization

from . import schemas
from .answers import Asked, field_of, rows
from .periods import DAY, HOUR, TOTAL, WEEK, starts
from .rollups.sketch import RELATIVE_ERROR
from .scope import projects_of, range_of

#: Intervals of an answer, and its rows.
_MOST_INTERVALS, _MOST_ROWS = 1_000, 5_000
_LONGER = {HOUR: "interval=day", DAY: "interval=week", WEEK: "interval=month"}


class Analytics(Resource):
    """Metrics of ended executions and of spending over time."""

    events = "analytics"
    paths: ClassVar[Mapping[str, str]] = {"executions": "/analytics/executions", "agents": "/analytics/agents"}
    executions_query, agents_query = schemas.query(), schemas.query(interval=TOTAL, group_by=("agent",))
    reply = schemas.AnalyticsOut()

    def __init__(self, app: App) -> None:
        self.app = app

    @operation(
        "read",
        query="executions_query",
        reply="reply",
        formats=(MEDIA_TYPES["csv"],),
        verb="read",
        reach="rows",
        message="Counted.",
    )
    def on_get_executions(self, req: Request, resp: Response) -> None:
        """Return metrics of ended executions and of spending: number, success, duration and cost, by interval and group."""
        self._answer(req, resp, agents_only=False)

    @operation(
        "read", query="agents_query", reply="reply", formats=(MEDIA_TYPES["csv"],), verb="read", reach="rows", message="Counted."
    )
    def on_get_agents(self, req: Request, resp: Response) -> None:
        """Return the same metrics for agents, by default grouped by agent."""
        self._answer(req, resp, agents_only=True)

    def _answer(self, req: Request, resp: Response, *, agents_only: bool) -> None:
        start, end = range_of(req.query)
        interval, group_by = req.query["interval"], tuple(req.query.get("group_by", ()))
        timezone = req.query.get("timezone") or find(Organization, current_organization()).timezone
        intervals = _intervals(starts(start, end, interval, ZoneInfo(timezone)), interval)
        found = rows(self.app, Asked(intervals, end, group_by, projects_of(req), agents_only))
        if len(found) > _MOST_ROWS:
            raise _too_much(f"The answer has {len(found):,} rows, and {_MOST_ROWS:,} at most", interval)
        if req.query["format"] == "csv":
            _send_csv(resp, found, group_by)
            return
        resp.media = {
            "starts_at": start,
            "ends_at": end,
            "interval": interval,
            "timezone": timezone,
            "group_by": group_by,
            "relative_error": RELATIVE_ERROR,
            "spent_by": "runs" if {"status", "error"}.intersection(group_by) else "calls",
            "rows": found,
        }


def _intervals(found: Iterator[datetime], interval: str) -> Sequence[datetime]:
    intervals = list(islice(found, _MOST_INTERVALS + 1))
    if len(intervals) > _MOST_INTERVALS:
        raise _too_much(f"An answer has {_MOST_INTERVALS:,} intervals at most", interval)
    return intervals


def _too_much(message: str, interval: str) -> Refused:
    longer = f"{_LONGER[interval]}, " if interval in _LONGER else ""
    return Refused("invalid_parameter", f"{message}; write {longer}a later from, or fewer groups.", field="interval")


_NUMBERS = (
    "runs", "succeeded", "failed", "timed_out", "cancelled", "success_rate", "calls", "input_tokens", "output_tokens", "scored",
    "mean_score", "approved", "rejected", "expired", "approval_rate",
)  # fmt: skip
_SPREADS = tuple((name, part) for name in ("duration_ms", "wait_ms", "decision_ms") for part in ("mean", "p50", "p95"))


def _send_csv(resp: Response, found: Sequence[Mapping[str, Any]], group_by: Sequence[str]) -> None:
    """Send a line per row, with a column per currency."""
    currencies = sorted({cost["currency"] for row in found for cost in row["costs"]})
    groups = [field_of(name) for name in group_by]
    spreads = [f"{name}_{part}" for name, part in _SPREADS]
    head = ["starts_at", "ends_at", *groups, *_NUMBERS, *spreads, *(f"cost_{currency}" for currency in currencies)]
    lines = [_line(row, groups, currencies) for row in found]
    resp.data, resp.content_type = csv_of([head, *lines]), MEDIA_TYPES["csv"]
    resp.set_header("Content-Disposition", 'attachment; filename="analytics.csv"')


def _line(row: Mapping[str, Any], groups: Sequence[str], currencies: Sequence[str]) -> list[Any]:
    costs = {cost["currency"]: cost["cost"] for cost in row["costs"]}
    return [
        *(to_text(row[name]) for name in ("starts_at", "ends_at")),
        *(row["group"][name] for name in groups),
        *(row[name] for name in _NUMBERS),
        *((row[name] or {}).get(part) for name, part in _SPREADS),
        *(costs.get(currency) for currency in currencies),
    ]
