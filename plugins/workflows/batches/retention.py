"""The retention of batches."""

from datetime import timedelta
from typing import TYPE_CHECKING

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.tenancy.organizations_with import organizations_with

from ..models import RUNNING, Batch, BatchRun

if TYPE_CHECKING:
    from aasim_core.jobs.context import JobContext

_KEPT = timedelta(days=90)
_AT_ONCE = 1_000


def prune(context: "JobContext") -> None:
    """Delete the batches, in every organization, that are older."""
    old = (Batch.created_at < now() - _KEPT) & (Batch.status != RUNNING)
    for organization_id in organizations_with(Batch, old):
        with organization_scope(organization_id):
            for batch in list(Batch.select(Batch.id).where(old)):
                _forget(context, batch.id)


def _forget(context: "JobContext", batch_id: str) -> None:
    """Delete the batch after its runs, some of these at a time."""
    mine = BatchRun.select(BatchRun.id).where(BatchRun.batch_id == batch_id)
    while not context.should_stop():
        with database_of(Batch).transaction():
            gone = BatchRun.delete().where(BatchRun.id.in_([run.id for run in mine.limit(_AT_ONCE)])).execute()
            if gone < _AT_ONCE:
                Batch.delete().where(Batch.id == batch_id).execute()
                return
