"""However a run ends, its slot goes to the next one, and nothing of it is left."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import find
from aasim_core.data.tenant_rows import erase_rows
from aasim_core.jobs.leases import Leases
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.executions import states
from aasim_plugins.executions.kernel.events import Cancel
from aasim_plugins.executions.log import retention
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.shell import delivery
from aasim_plugins.executions.shell.slot_records import TicketRow
from aasim_plugins.executions.shell.stored_run import StoredRun
from aasim_plugins.executions.turn import loop

from ..errands import Errands
from ..reaching import bring, let_grace_pass
from ..test_waiting_runs import PLUGINS
from .test_admission import NOTHING


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


@pytest.fixture
def errands(app: App, owner: Person) -> Errands:
    """Runs that need an admission."""
    return Errands(app, owner)


def succeed(errands: Errands, execution_id: str) -> None:
    errands.work()
    errands.go_on(execution_id)


def cancel_while_it_waits(errands: Errands, execution_id: str) -> None:
    errands.work()
    errands.cancel(execution_id)


def cancel_while_it_runs(errands: Errands, execution_id: str) -> None:
    with errands.transaction():
        bring(execution_id, states.CANCELLING)
        let_grace_pass(execution_id)


def lose_its_workers(errands: Errands, execution_id: str) -> None:
    with errands.transaction():
        loop.give_up({"execution_id": execution_id, "job": 1}, "killed", "dead")


def come_to_its_deadline(errands: Errands, execution_id: str) -> None:
    with errands.transaction():
        Execution.update(deadline_at=now() - timedelta(seconds=1)).where(Execution.id == execution_id).execute()
        delivery.tick(execution_id)


def be_ended_in_a_transaction_about_many(errands: Errands, execution_id: str) -> None:
    with system_scope("test"), errands.app.database.transaction(), organization_scope(errands.owner.organization_id):
        run = StoredRun.find(execution_id)
        assert run is not None
        run.apply(Cancel(0))


_ENDS = (
    succeed, cancel_while_it_waits, cancel_while_it_runs, lose_its_workers, come_to_its_deadline,
    be_ended_in_a_transaction_about_many,
)  # fmt: skip


@pytest.mark.parametrize("hold", ["run", "turn"])
@pytest.mark.parametrize("end", _ENDS)
def test_the_slot_of_a_run_that_ends_goes_to_the_next_one(
    errands: Errands, end: Callable[[Errands, str], None], hold: str
) -> None:
    first, second = errands.start(given="wait", hold=hold), errands.start(hold=hold)
    end(errands, first)
    errands.work()
    assert errands.statuses(first, second)[0] in states.TERMINAL
    assert (errands.status(second), errands.left()) == ("succeeded", NOTHING)


def test_a_run_that_comes_to_its_deadline_in_the_queue_leaves_it(errands: Errands) -> None:
    errands.start()
    come_to_its_deadline(errands, errands.start())
    assert errands.left()["tickets"] == 1


def test_a_run_whose_worker_has_died_keeps_its_slot_and_goes_on(app: App, errands: Errands) -> None:
    first, second = errands.start(), errands.start()
    with system_scope("test"):
        leases = Leases(app.database, "killed")
        lease = leases.claim()
    assert lease is not None
    with errands.transaction():
        bring(first, states.RUNNING)
    errands.work()
    assert errands.statuses(first, second) == ["running", "admission"]
    with system_scope("test"):
        leases.requeue_crashed(lease, "killed")
    errands.work()
    assert errands.statuses(first, second) == ["succeeded", "succeeded"]


def test_what_a_paused_run_holds_depends_on_how_it_is_held(errands: Errands) -> None:
    for hold, kept in (("run", 1), ("turn", 0)):
        execution_id = errands.start(hold=hold, key=hold)
        errands.owner.client.post(f"/executions/{execution_id}/pause")
        with organization_scope(errands.owner.organization_id):
            assert TicketRow.select().where(TicketRow.key == hold).count() == kept


def test_the_tickets_of_an_organization_are_erased_with_it(app: App, errands: Errands) -> None:
    for _ in range(2):
        errands.start()
    with system_scope("test"):
        erase_rows(app.database, errands.owner.organization_id, but=["core_organization"])
    assert errands.left() == NOTHING


def test_a_run_that_is_deleted_holds_nothing(app: App, errands: Errands) -> None:
    first, second = errands.start(), errands.start()
    long_ago = now() - timedelta(days=500)
    with organization_scope(errands.owner.organization_id):
        Execution.update(created_at=long_ago, finished_at=long_ago).where(Execution.id == first).execute()
        retention.prune_some(app, errands.owner.organization_id)
        delivery.settle_all()
    errands.work()
    assert (errands.status(second), errands.left()) == ("succeeded", NOTHING)


def test_what_a_worker_of_a_former_release_did_not_give_back_is_free(errands: Errands) -> None:
    first, second = errands.start(), errands.start()
    with organization_scope(errands.owner.organization_id):
        ended = {"status": states.SUCCEEDED, "finished_at": now(), "ticket": None}
        Execution.update(**ended).where(Execution.id == first).execute()
        delivery.settle_all()
    errands.work()
    assert (errands.status(second), errands.left()) == ("succeeded", NOTHING)


def test_a_run_that_asks_anew_holds_no_former_ticket(errands: Errands) -> None:
    execution_id = errands.start(given="wait", hold="turn")
    with organization_scope(errands.owner.organization_id):  # as a worker of a former release does, which knows no tickets
        Execution.update(ticket=None).where(Execution.id == execution_id).execute()
    errands.work()
    errands.go_on(execution_id)
    errands.work()
    assert (errands.status(execution_id), errands.left()) == ("succeeded", NOTHING)


def test_a_run_without_its_payload_does_not_say_what_it_was_admitted_to(app: App, errands: Errands) -> None:
    execution_id = errands.start()
    errands.work()
    with errands.transaction():
        retention._empty(app, [execution_id])
        assert find(Execution, execution_id).slot is None
