"""The next starts of flows, shown with each flow."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.clock import from_text, now
from aasim_core.lists.render_plan import Derived

from ..service import next_runs
from .rules import COLUMNS, Openings, openings_for, schedule_of

if TYPE_CHECKING:
    from aasim_core.app import App

_MOMENTS = ("starts_at", "ends_at", "created_at")


class NextRuns(Derived):
    """The next runs of flows, of which the calendars of all take one statement, and none where no branch is named."""

    def __init__(self, app: "App") -> None:
        super().__init__((*COLUMNS, "status"), lambda row: self._of_all([row])[0])
        self._app = app

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        """The next runs in each row, from what the columns hold in all of them."""
        return self._of_all(
            [dict(zip(self.columns, each, strict=True)) for each in zip(*(held[name] for name in self.columns), strict=True)]
        )

    def _of_all(self, rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        found = [_values_of(row) for row in rows]
        openings = openings_for(self._app, (values["calendar"] for values in found))
        return [_next_runs(values, row["status"], openings) for values, row in zip(found, rows, strict=True)]


def _values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row as the database has it."""
    moments = {name: row[name] and from_text(row[name]) for name in _MOMENTS}
    return {name: moments[name] if name in moments else row[name] and orjson.loads(row[name]) for name in COLUMNS}


def _next_runs(values: Mapping[str, Any], status: str, openings: Openings) -> list[str]:
    return next_runs(schedule_of(values, openings), status, now())
