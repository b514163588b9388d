"""Base classes of resources that start executions of an object, and list them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import orjson
from marshmallow import Schema

from aasim_core import App, Request, Resource, Response
from aasim_core.clock import from_text
from aasim_core.data import records
from aasim_core.data.compiled import padded
from aasim_core.data.conditions import Condition, any_of, equals, in_ways
from aasim_core.lists.paging import read_page
from aasim_core.lists.render_plan import Derived
from aasim_core.resources.prefer_wait import wait_until

from . import schemas, states
from .admission.waiting import Missing, WaitsBehind
from .lists import finding, open_approvals
from .lists.labels import Labels
from .lists.open_approvals import waits_for
from .models import SHOWN, Execution
from .schemas import CostOut, ExecutionOut
from .starting.origins import CHAIN
from .turn import usage

__all__ = [
    "DERIVED",
    "CostOut",
    "ExecutionOut",
    "ExecutionResource",
    "Labels",
    "SubjectExecutions",
    "accepted",
    "reach_of",
    "waits_for",
    "ways_of",
]

#: Up to this many nodes, each one's runs are read separately.
_MOST_WAYS = 32


def _milliseconds(start: str | datetime | None, end: str | datetime | None) -> int | None:
    if start is None or end is None:
        return None
    # The two times may come from the clocks of two machines.
    return max(0, round((_moment(end) - _moment(start)).total_seconds() * 1000))


def _moment(value: str | datetime) -> datetime:
    return from_text(value) if isinstance(value, str) else value


def _of_type(type_: str, column: str) -> Derived:
    """The column of the subject where that is of the type."""
    return Derived(("subject_type", column), lambda row: row[column] if row["subject_type"] == type_ else None)


DERIVED: Mapping[str, Derived] = {
    **{f"{type_}_{what}": _of_type(type_, f"subject_{what}") for type_ in SHOWN for what in ("id", "version")},
    **dict.fromkeys(open_approvals.FIELDS, open_approvals.OpenApprovals()),
    "admission": WaitsBehind(),
    "missing": Missing(),
    "chain": CHAIN,
    "labels": Derived(("labels",), lambda row: orjson.loads(row["labels"] or "{}")),
    "usage": Derived(usage.COLUMNS, usage.shown),
    "queued_ms": Derived(("created_at", "started_at"), lambda row: _milliseconds(row["created_at"], row["started_at"])),
    "duration_ms": Derived(("started_at", "finished_at"), lambda row: _milliseconds(row["started_at"], row["finished_at"])),
}


def reach_of(req: Request) -> list[Condition]:
    """What restricts a list to the caller's own runs, and those that their rights reach."""
    within = req.rights.reach_condition("executions:read", Execution, "project_id")
    return [any_of(*_own(req), *within)] if within else []


def ways_of(req: Request) -> list[Condition]:
    """The same for a list of all runs, which may begin at the caller's own, and at those of each place within reach."""
    reached = reach_of(req)
    nodes = req.rights.nodes_within("executions:read") if reached else None
    if nodes is None or len(nodes) > _MOST_WAYS:
        return reached
    places = [equals(Execution.project_id, node_id) for node_id in padded(nodes)]
    return [in_ways(reached[0], [*_own(req), *places])]


def _own(req: Request) -> list[Condition]:
    return [] if req.rights.confined else [equals(Execution.initiator_id, req.principal.user_id)]


def accepted(resource: Any, req: Request, resp: Response, execution: Execution) -> None:
    """Answer 202 with where to look, or 200 with the result if the client waits and the run ends in time."""
    resp.location = f"/api/v1/executions/{execution.id}"
    resp.set_header("Retry-After", "1")
    resp.media = execution
    wait_until(resource, req, resp, lambda: _ended(execution.id), "Execution ended.")


def _ended(execution_id: str) -> Any:
    row = records.read_row(Execution, execution_id)
    return row if row is not None and row["status"] in states.TERMINAL else None


class ExecutionResource(Resource):
    """The base of what starts executions, and answers with them."""

    body: ClassVar[Schema] = schemas.ExecuteIn()
    reply = ExecutionOut()
    derived = DERIVED

    def __init__(self, app: App) -> None:
        self.app = app


class SubjectExecutions(ExecutionResource):
    """Running one object, and the runs that it had."""

    query = finding.OF_SUBJECT

    def node_of(self, target: Any) -> str | None:
        """The object's project."""
        project_id: str | None = target.project_id
        return project_id

    def list_executions(self, req: Request, resp: Response) -> None:
        """Answer with a page of those executions of the object that the caller may see."""
        question = self.query.question(req.path, req.query)
        conditions = [equals(Execution.subject_id, req.target.id), *reach_of(req), *finding.implied(req.query)]
        resp.media = read_page(Execution, self.plan.columns, question, conditions, self.app.keyring)
