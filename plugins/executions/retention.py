"""How long an organization keeps what its runs have logged, what was said in them, and the runs themselves; the rest is deleted."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core import JobContext, OrganizationSetting, emit
from aasim_core.access.records import Organization
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import find
from aasim_core.events.log import Subject
from aasim_core.http.fields import Integer

from .models import EVERYTHING, NO_LOG, NO_PAYLOAD, Execution, LogEntry, Step, ToolCall

if TYPE_CHECKING:
    from aasim_core.app import App

#: So few that nobody waits for the transaction.
_AT_ONCE = 200
_EMPTY = {"input": None, "output": None, "parameters": None, "rubric_results": None}
SETTINGS = (
    OrganizationSetting("log_days", Integer(1, 3650, load_default=14, description="How many days the logs of runs are kept.")),
    OrganizationSetting(
        "payload_days",
        Integer(1, 3650, load_default=30, description="How many days it is kept what runs were given and answered."),
    ),
    OrganizationSetting("record_days", Integer(30, 3650, load_default=400, description="How many days runs are kept.")),
)


def prune(app: "App") -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that deletes, in every organization, what it keeps no longer."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        for organization in list(Organization.select(Organization.id)):
            with organization_scope(organization.id):
                while not context.should_stop() and prune_some(app, organization.id):
                    pass

    return run


def prune_some(app: "App", organization_id: str) -> bool:
    """Delete what is over of some runs of the organization in scope; whether there may be more."""
    settled = app.organization_settings.of(organization_id, "executions")
    records, payloads, logs = (now() - timedelta(days=settled[f"{what}_days"]) for what in ("record", "payload", "log"))
    # Without waiting for the disk: what a loss of power brings back is deleted once more.
    with app.database.transaction(durable=False):
        pruned = {
            "records": _forget(app, ids) if (ids := _old(records)) else 0,
            "payloads": _empty(app, ids) if (ids := _ended(payloads, (EVERYTHING, NO_LOG))) else 0,
            "logs": _delete_logs(ids) if (ids := _ended(logs, (EVERYTHING,))) else 0,
        }
        if any(pruned.values()):
            organization: Organization = find(Organization, organization_id)
            emit("executions.pruned", Subject("organization", organization_id, organization.name), data=pruned)
    return _AT_ONCE in pruned.values()


def _old(before: datetime) -> list[str]:
    """By their beginning, which has an index: hardly any that began so long ago goes on."""
    old = Execution.created_at < before, Execution.finished_at < before
    return _ids(Execution.select(Execution.id).where(*old).order_by(Execution.created_at))


def _ended(before: datetime, kept: Sequence[str]) -> list[str]:
    # The first condition is the index's own, in its words.
    ended = peewee.SQL("kept <> 'no_payload'"), Execution.kept.in_(kept), Execution.finished_at < before
    return _ids(Execution.select(Execution.id).where(*ended).order_by(Execution.finished_at))


def _ids(query: Any) -> list[str]:
    return [execution_id for (execution_id,) in query.limit(_AT_ONCE).tuples()]


def _forget(app: "App", ids: list[str]) -> int:
    for keeper in app.offers("keepers").values():
        keeper.forget(ids)
    for model in (LogEntry, Step, ToolCall):
        model.delete().where(model.execution_id.in_(ids)).execute()
    return int(Execution.delete().where(Execution.id.in_(ids)).execute())


def _empty(app: "App", ids: list[str]) -> int:
    for keeper in app.offers("keepers").values():
        keeper.empty(ids)
    for model in (LogEntry, Step):
        model.delete().where(model.execution_id.in_(ids)).execute()
    ToolCall.update(arguments=None, result=None).where(ToolCall.execution_id.in_(ids)).execute()
    return _mark(ids, {**_EMPTY, "kept": NO_PAYLOAD})


def _delete_logs(ids: list[str]) -> int:
    LogEntry.delete().where(LogEntry.execution_id.in_(ids)).execute()
    return _mark(ids, {"kept": NO_LOG})


def _mark(ids: list[str], values: Mapping[str, Any]) -> int:
    changed = Execution.update({**values, "version": Execution.version + 1})
    return int(changed.where(Execution.id.in_(ids)).execute())
