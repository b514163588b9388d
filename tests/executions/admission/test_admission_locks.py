"""Runs that ask at the same moment: no more are at work than may, and nobody waits for somebody who waits for them."""

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.errors import Refused
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off
from aasim_plugins.executions import states
from aasim_plugins.executions.hookspecs import Finished, Run, Runner
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.service import Admit, Rule
from aasim_plugins.executions.shell import stored_run

from ..errands import Errands
from ..passing_time import make_due
from ..test_waiting_runs import PLUGINS
from .test_admission import NOTHING

_WORKERS, _RUNS = 4, 24
_KEYS = ("a", "b", "c")
on_postgres = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)  # on SQLite whoever writes is alone


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


@pytest.fixture
def errands(app: App, owner: Person) -> Errands:
    """Runs that need an admission."""
    return Errands(app, owner)


def at_once(app: App, act: Callable[[int], object], workers: int = _WORKERS) -> None:
    """Let so many threads begin at the same moment; raises what one of them raises."""
    barrier = Barrier(workers)

    def begin(number: int) -> None:
        with app.database.connected():
            barrier.wait(60)
            act(number)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(begin, range(workers)))


@pytest.mark.long
@pytest.mark.parametrize("hold", ["run", "turn"])
@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_are_at_work_than_may(app: App, errands: Errands, limit: int, hold: Any) -> None:
    inside, peaks, lock = set[str](), list[int](), threading.Lock()

    def run(run: Run) -> Finished:
        for name in ("first", "second"):
            run.step(name, lambda: None)
            with lock:
                inside.add(run.execution.id)
                peaks.append(len(inside))
        run.flush()  # type: ignore[attr-defined]  # which takes a moment
        with lock:
            inside.remove(run.execution.id)
        return Finished("done")

    app.offers.keep("runners", {**app.offers("runners"), "errand": Runner("errand", run=run)})

    def act(number: int) -> None:
        for _ in range(_RUNS // _WORKERS):
            errands.start(Rule(limit=limit), group=str(number), hold=hold)
            work_off(app, f"worker {number}")

    at_once(app, act)
    errands.work()
    assert (max(peaks) <= limit, len(peaks), errands.left()) == (True, 2 * _RUNS, NOTHING)


@pytest.mark.postgres
@on_postgres
def test_a_key_that_is_out_of_order_and_taken_is_left_to_a_job(app: App, errands: Errands) -> None:
    with errands.transaction():
        first = errands.start_within(Admit("b", Rule(limit=1))).id
        with taken(app, errands, "a"):
            second = errands.start_within(Admit("a", Rule(limit=1))).id
    assert errands.statuses(first, second) == ["queued", "admission"]
    assert errands.read(second)["admission"]["position"] is None
    errands.work()
    assert errands.run == [first, second]


@pytest.mark.postgres
@on_postgres
def test_what_was_left_to_a_job_is_not_asked_for_by_a_run_that_has_ended(app: App, errands: Errands) -> None:
    with errands.transaction():
        errands.start_within(Admit("b", Rule(limit=1)))
        with taken(app, errands, "a"):
            second = errands.start_within(Admit("a", Rule(limit=1))).id
    errands.cancel(second)
    errands.work()
    assert (len(errands.run), errands.left()) == (1, NOTHING)


@contextmanager
def taken(app: App, errands: Errands, key: str) -> Iterator[None]:
    """Another connection has the lock of the key."""
    has_it, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with app.database.connected(), errands.transaction():
            app.database.lock(f"executions/admission/{errands.owner.organization_id}/{key}")
            has_it.set()
            assert may_go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert has_it.wait(60)
    try:
        yield
    finally:
        may_go.set()
        thread.join()


@pytest.mark.postgres
@pytest.mark.long
@on_postgres
def test_nobody_waits_for_somebody_who_waits_for_them(app: App, errands: Errands) -> None:
    at_once(app, lambda number: Passerby(app, errands, number).live())
    settle(app, errands)
    assert (deadlocks(app), errands.left()) == (0, NOTHING)


@pytest.mark.postgres
@pytest.mark.long
@on_postgres
def test_runs_of_several_keys_are_started_in_any_order(app: App, errands: Errands) -> None:
    def act(number: int) -> None:
        for _ in range(12):
            with errands.transaction():
                for key in _KEYS if number % 2 else reversed(_KEYS):
                    errands.start_within(Admit(key, Rule(limit=1_000)))

    at_once(app, act)
    errands.work()
    assert (deadlocks(app), len(errands.run), errands.left()) == (0, 12 * _WORKERS * len(_KEYS), NOTHING)


class Passerby:
    """Somebody who starts, cancels, pauses and resumes runs of three keys, some of them children of others, and works."""

    def __init__(self, app: App, errands: Errands, number: int) -> None:
        self.app, self.errands, self.number = app, errands, number
        self.random = random.Random(number)  # noqa: S311 - it is to be the same each time

    def live(self) -> None:
        """Do a hundred things."""
        for _ in range(100):
            self.random.choice((self.start, self.start, self.start, self.cancel, self.pause, self.work, self.work))()

    def start(self) -> None:
        """Start some in one transaction, in any order of their keys."""
        rules = (
            Rule(limit=1),
            Rule(limit=2, policy="latest_only"),
            Rule(limit=1, policy="cancel_oldest"),
            Rule(limit=1, policy="refuse"),
        )
        with organization_scope(self.errands.owner.organization_id):
            parent = self.some()
            try:
                with self.app.database.transaction():
                    for key in self.random.sample(_KEYS, self.random.randint(1, 2)):
                        hold = self.random.choice(("run", "turn"))
                        admission = Admit(key, self.random.choice(rules), str(self.number), hold)  # type: ignore[arg-type]
                        given = self.random.choice(("go", "wait"))
                        self.errands.start_within(admission, given, parent=parent, trigger={"type": "errand", "id": None})
            except Refused:
                pass

    def some(self) -> Execution | None:
        """A run that goes on, if there is one."""
        going = list(Execution.select().where(Execution.finished_at.is_null()).order_by(Execution.id.desc()).limit(20))
        return self.random.choice(going) if going else None

    def cancel(self) -> None:
        """Cancel one, and those that it has started."""
        with organization_scope(self.errands.owner.organization_id):
            if (execution := self.some()) is not None:
                with self.app.database.transaction():
                    stored_run.cancel(execution, None, 8_000)

    def pause(self) -> None:
        """Pause one, or resume it."""
        with organization_scope(self.errands.owner.organization_id):
            execution = self.some()
        if execution is not None:
            self.errands.owner.client.post(f"/executions/{execution.id}/{self.random.choice(('pause', 'resume'))}")

    def work(self) -> None:
        """Do what is due."""
        work_off(self.app, f"worker {self.number}")


def settle(app: App, errands: Errands) -> None:
    """Cancel what goes on, and do everything that is to be done."""
    with organization_scope(errands.owner.organization_id):
        for execution in list(Execution.select().where(Execution.status.not_in(sorted(states.TERMINAL)))):
            with app.database.transaction():
                stored_run.cancel(execution, None, 0)
    make_due(app)
    errands.work()


def deadlocks(app: App) -> int:
    """How many transactions PostgreSQL had to end since they waited for each other; a job whose transaction it was has failed once."""
    app.database.execute_sql("SELECT pg_stat_force_next_flush()")
    return int(
        app.database.execute_sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()[0]
    )
