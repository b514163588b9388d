"""A thousand children end at once: none of them waits for their parent's row, and the parent is woken once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.jobs.records import JobRow
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.executions.kernel.events import Claimed, TurnEnded, WaitRegistered
from aasim_plugins.executions.kernel.state import Wait
from aasim_plugins.executions.models import ArrivalRow, Execution
from aasim_plugins.executions.shell import arrivals, delivery
from aasim_plugins.executions.shell.stored_run import StoredRun

from ..test_waiting_runs import PLUGINS

pytestmark = pytest.mark.long
_CHILDREN, _AT_ONCE = 1_000, 8


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


@pytest.fixture
def parent(owner: Person, app: App) -> str:
    """A run that waits for its children."""
    execution_id = str(owner.client.post("/expeditions", {"input": 0}).data["id"])
    with organization_scope(owner.organization_id), app.database.transaction():
        run = StoredRun.find(execution_id)
        assert run is not None
        waits = (WaitRegistered(1, f"leg[{number}]", Wait("child", f"child{number}")) for number in range(_CHILDREN))
        run.apply(Claimed(1), *waits, TurnEnded(1))
    return execution_id


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)  # SQLite has one writer at a time anyway
def test_a_child_that_ends_does_not_wait_for_its_parents_row(app: App, owner: Person, parent: str) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        hold(parent)
        let_end(app, owner, parent)
        assert ArrivalRow.select().count() == _CHILDREN


def test_a_parent_is_woken_once_by_all_that_have_ended(app: App, owner: Person, parent: str, work: Callable[[], int]) -> None:
    let_end(app, owner, parent)
    with organization_scope(owner.organization_id):
        waiting = JobRow.select().where(JobRow.name == arrivals.DELIVER, JobRow.state == "queued").count()
        delivery.deliver(parent)
        run = StoredRun.find(parent)
    assert run is not None
    assert (waiting, run.state.status, run.state.job, len(run.state.waits)) == (1, "queued", 2, 0)


def hold(execution_id: str) -> None:
    """Write the row of the run, so that nobody else can until the running transaction ends."""
    Execution.update(attempt=Execution.attempt).where(Execution.id == execution_id).execute()


def let_end(app: App, owner: Person, parent: str) -> None:
    """Let all the children end, several at the same time, each in a transaction of its own."""

    def end(number: int) -> None:
        with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
            arrivals.send(parent, "child", f"child{number}", key=f"child{number}")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(end, range(_CHILDREN)))
