"""The card of runs, if the plugin dashboard is enabled."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import peewee

from aasim_core.clock import to_text

from ..dashboard.hookspecs import Card, Figure, Figures, Viewer
from . import states
from .models import Execution

_LIST = "/executions"
_DAYS = 7
_UNSUCCESSFUL = (states.FAILED, states.TIMED_OUT)


def _figures(viewer: Viewer) -> Figures:
    today, week = to_text(viewer.today), to_text(viewer.week)
    now = {
        status: viewer.count(_LIST, status=status) for status in (states.QUEUED, states.RUNNING, states.WAITING, states.BLOCKED)
    }
    succeeded = viewer.count(_LIST, status=states.SUCCEEDED, **{"created_at[gte]": today})
    failed = viewer.count(_LIST, **{"status[in]": ",".join(_UNSUCCESSFUL), "created_at[gte]": today})
    before = viewer.count(_LIST, **{"created_at[gte]": week, "created_at[lt]": today})
    return {
        **now,
        "today": viewer.count(_LIST, **{"created_at[gte]": today}),
        "mean_of_seven_days": Figure((before.value or 0) / _DAYS, before.is_at_least, before.link),
        "succeeded_today": succeeded,
        "failed_today": failed,
        "success_rate_today": _share(succeeded, failed),
    }


def _share(succeeded: Figure, failed: Figure) -> Figure:
    """The share of those that succeeded; None where nothing has ended, or too much to count."""
    ended = (succeeded.value or 0) + (failed.value or 0)
    is_known = bool(ended) and not (succeeded.is_at_least or failed.is_at_least)
    return Figure(round((succeeded.value or 0) / ended, 4) if is_known else None)


def _by_project(viewer: Viewer) -> Mapping[str | None, Mapping[str, int]]:
    """Today's runs of each project."""
    within = viewer.within("executions:read", Execution, "project_id")
    query = Execution.select(Execution.project_id, Execution.status, peewee.fn.COUNT(peewee.SQL("*")))
    query = query.where(Execution.created_at >= viewer.today, *within).group_by(Execution.project_id, Execution.status)
    rows: Any = query.tuples()
    found: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for project_id, status, number in rows:
        found[project_id]["today"] += number
        if status in _UNSUCCESSFUL:
            found[project_id]["failed_today"] += number
    return found


CARD = Card("runs", "Runs", _figures, _by_project)
