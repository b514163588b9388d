"""Runs that are brought to a state without a worker, by what happens to them on the way."""

from datetime import timedelta

from aasim_core.clock import now
from aasim_plugins.executions import states
from aasim_plugins.executions.kernel.events import Cancel, Claimed, Event, TurnEnded, WaitRegistered
from aasim_plugins.executions.kernel.state import RUN, Wait, WaitKind
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.shell import delivery
from aasim_plugins.executions.shell.stored_run import StoredRun


def bring(execution_id: str, status: str, waiting_for: WaitKind = "event") -> None:
    """Bring a queued run to the state, in the running transaction."""
    begun = Claimed(1)
    ways: dict[str, tuple[Event, ...]] = {
        states.QUEUED: (),
        states.RUNNING: (begun,),
        states.WAITING: (begun, WaitRegistered(1, RUN, Wait(waiting_for)), TurnEnded(1)),
        states.CANCELLING: (begun, Cancel(0)),
    }
    run = StoredRun.find(execution_id)
    assert run is not None
    run.apply(*ways[status])
    assert run.state.status == status


def let_grace_pass(execution_id: str) -> None:
    """Let the time pass in which a run that was cancelled may come to an end by itself."""
    Execution.update(stop_by=now() - timedelta(seconds=1)).where(Execution.id == execution_id).execute()
    delivery.tick(execution_id)
