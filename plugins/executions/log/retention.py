"""Retention of an organization's logs, run contents, and runs; expired data is deleted."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from aasim_core import JobContext, OrganizationSetting, emit
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import find
from aasim_core.events.log import Subject
from aasim_core.schemas.fields import Integer
from aasim_core.tenancy.organizations_with import organizations_with
from aasim_core.tenancy.records import Organization

from ..lists.labels import LabelRow
from ..models import EVERYTHING, NO_LOG, NO_PAYLOAD, RETAINED_AT, ArrivalRow, Execution, LogEntry, Step, ToolCall, WaitRow

if TYPE_CHECKING:
    from aasim_core.app import App

#: Small enough that nobody waits for the transaction.
_AT_ONCE = 200
_LEAST_DAYS, _LEAST_RECORD_DAYS = 1, 30
_EMPTY = {"input": None, "output": None, "parameters": None, "rubric_results": None, "slot": None}
SETTINGS = (
    OrganizationSetting(
        "log_days", Integer(_LEAST_DAYS, 3650, load_default=14, description="How many days the logs of runs are retained.")
    ),
    OrganizationSetting(
        "payload_days",
        Integer(_LEAST_DAYS, 3650, load_default=30, description="How many days inputs and outputs of runs are retained."),
    ),
    OrganizationSetting(
        "record_days", Integer(_LEAST_RECORD_DAYS, 3650, load_default=400, description="How many days runs are retained.")
    ),
)


def prune(app: "App") -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that deletes expired data in every organization."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        for organization_id in _with_something_old():
            with organization_scope(organization_id):
                while not context.should_stop() and prune_some(app, organization_id):
                    pass

    return run


def prune_some(app: "App", organization_id: str) -> bool:
    """Delete expired data of some runs of the organization in scope; returns whether there may be more."""
    settled = app.organization_settings.of(organization_id, "executions")
    records, payloads, logs = (now() - timedelta(days=settled[f"{what}_days"]) for what in ("record", "payload", "log"))
    counted = (keeper.counts_since() for keeper in app.offers("keepers").values())
    records = min([records, *(moment for moment in counted if moment is not None)])
    # Without waiting for the disk: what a loss of power brings back is deleted once more.
    with app.database.transaction(durable=False):
        pruned = {
            "records": _forget(app, ids) if (ids := _old(records)) else 0,
            "payloads": _empty(app, ids) if (ids := _ended(payloads, NO_LOG) or _ended(payloads, EVERYTHING)) else 0,
            "logs": _delete_logs(ids) if (ids := _ended(logs, EVERYTHING)) else 0,
        }
        if any(pruned.values()):
            organization: Organization = find(Organization, organization_id)
            emit("executions.pruned", Subject("organization", organization_id, organization.name), data=pruned)
    return _AT_ONCE in pruned.values()


def _old(before: datetime) -> list[str]:
    """By their beginning, which has an index: hardly any that began so long ago is still running."""
    old = Execution.created_at < before, Execution.finished_at < before
    return _ids(Execution.select(Execution.id).where(*old).order_by(Execution.created_at))


def _ended(before: datetime, retained: str) -> list[str]:
    query = Execution.select(Execution.id).where(RETAINED_AT[retained], Execution.finished_at < before)
    return _ids(query.order_by(Execution.finished_at))


def _with_something_old() -> list[str]:
    """The organizations with runs that ended longer ago than anybody can have logs deleted after, or began before records can go."""
    youngest, oldest = now() - timedelta(days=_LEAST_DAYS), now() - timedelta(days=_LEAST_RECORD_DAYS)
    stages = [
        organizations_with(Execution, stage, Execution.finished_at < youngest)
        for stage in (RETAINED_AT[EVERYTHING], RETAINED_AT[NO_LOG])
    ]
    return sorted({*chain(*stages), *organizations_with(Execution, Execution.created_at < oldest)})


def _ids(query: Any) -> list[str]:
    return [execution_id for (execution_id,) in query.limit(_AT_ONCE).tuples()]


def _forget(app: "App", ids: list[str]) -> int:
    keepers = app.offers("keepers").values()
    for keeper in keepers:
        keeper.note(ids)
    for keeper in keepers:
        keeper.forget(ids)
    for model in (LogEntry, Step, ToolCall, WaitRow, ArrivalRow, LabelRow):
        model.delete().where(model.execution_id.in_(ids)).execute()
    return int(Execution.delete().where(Execution.id.in_(ids)).execute())


def _empty(app: "App", ids: list[str]) -> int:
    for keeper in app.offers("keepers").values():
        keeper.empty(ids)
    for model in (LogEntry, Step, ArrivalRow):
        model.delete().where(model.execution_id.in_(ids)).execute()
    ToolCall.update(arguments=None, proposed_arguments=None, result=None).where(ToolCall.execution_id.in_(ids)).execute()
    return _mark(ids, {**_EMPTY, "retained": NO_PAYLOAD})


def _delete_logs(ids: list[str]) -> int:
    LogEntry.delete().where(LogEntry.execution_id.in_(ids)).execute()
    return _mark(ids, {"retained": NO_LOG})


def _mark(ids: list[str], values: Mapping[str, Any]) -> int:
    changed = Execution.update({**values, "version": Execution.version + 1})
    return int(changed.where(Execution.id.in_(ids)).execute())
