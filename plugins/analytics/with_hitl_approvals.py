"""Count approvals by the time of their decision or expiry, if the plugin hitl_approvals is enabled."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import peewee

from aasim_core.clock import from_text, to_text
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.tenancy.organizations_with import organizations_with

from ..executions.models import Execution
from ..hitl_approvals.models import APPROVED, EXPIRED, REJECTED, Approval

#: What is counted; those that are cancelled went with their runs.
COUNTED = (APPROVED, REJECTED, EXPIRED)
#: Those that people have decided.
DECIDED = (APPROVED, REJECTED)


class Decision(NamedTuple):
    """The columns of an approval that are counted, in the database's form, with what is only known of its execution."""

    decided_at: str
    created_at: str
    status: str
    agent_id: str | None
    project_id: str | None
    subject_version: int | None
    trigger_type: str | None


def decisions(since: datetime, until: datetime) -> Iterator[Decision]:
    """What was decided in the organization in scope from `since` until before `until`."""
    return map(Decision._make, _decided.all(since=to_text(since), until=to_text(until)))


def next_moment(since: datetime) -> datetime | None:
    """When the first approval was decided from `since` on; None where there is none."""
    row = _first.one(since=to_text(since))
    return None if row is None else from_text(row[0])


def moments_of(execution_ids: Iterable[str]) -> list[datetime]:
    """When the approvals of these executions were decided."""
    found: Any = Approval.select(Approval.decided_at).where(
        Approval.execution_id.in_(list(execution_ids)), Approval.decided_at.is_null(False)
    )
    return [moment for (moment,) in found.tuples()]


def organizations(since: Any) -> list[str]:
    """The ids of the organizations in which something was decided since what the expression says. Needs a system scope."""
    return organizations_with(Approval, Approval.decided_at >= since)


@compiled(Approval)
def _decided() -> Any:
    of_approval = [getattr(Approval, name) for name in Decision._fields[:-2]]
    found = Approval.select(*of_approval, Execution.subject_version, Execution.trigger_type)
    found = found.join(Execution, peewee.JOIN.LEFT_OUTER, on=Execution.id == Approval.execution_id)
    within = Approval.decided_at >= Bind("since"), Approval.decided_at < Bind("until")
    return found.where(*within, Approval.status.in_(COUNTED))


@compiled(Approval)
def _first() -> Any:
    since = Approval.select(Approval.decided_at).where(Approval.decided_at >= Bind("since"))
    return since.order_by(Approval.decided_at).limit(1)
