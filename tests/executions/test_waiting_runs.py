"""Runs that wait without an agent: for other runs, a time, signals and people; paused, resumed, and out of time."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.errors import Refused
from aasim_core.events.records import EventRow
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.executions import service
from aasim_plugins.executions.hookspecs import Runner
from aasim_plugins.executions.models import ArrivalRow, Execution, WaitRow

Work = Callable[[], int]
PLUGINS = Path(__file__).parents[1] / "faults" / "plugins"
#: A rest that is over when it begins, and one that is not over within the test.
OVER, LONG = 0, 3_600_000


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """A kind of run that waits in every way, and what it requires."""
    return only(["expeditions"], PLUGINS)


def start(owner: Person, rest: int = OVER) -> str:
    """The path of a new expedition."""
    return f"/executions/{owner.client.post('/expeditions', {'input': rest}).data['id']}"


def read(owner: Person, path: str) -> dict[str, Any]:
    return dict(owner.client.get(path).data)


def pay(owner: Person, path: str, **more: Any) -> Any:
    """Send the expedition the signal that it waits for."""
    body = {"name": "paid", "correlation": path.rpartition("/")[2], "data": {"amount": 7}, **more}
    return owner.client.post(f"{path}/signals", body)


def test_a_run_waits_for_others_for_a_time_and_for_a_signal(owner: Person, work: Work) -> None:
    path = start(owner)
    work()
    assert (read(owner, path)["status"], read(owner, path)["waiting_for"]) == ("waiting", "signal")
    assert pay(owner, path).status == 202
    work()
    done = read(owner, path)
    assert (done["status"], done["output"]["legs"], done["output"]["fee"]) == ("succeeded", ["walk", "walk"], {"amount": 7})


def test_a_run_starts_each_of_its_children_once(owner: Person, work: Work) -> None:
    path = start(owner)
    work()
    pay(owner, path)
    work()
    children = owner.client.get(f"/executions?parent_id={path.rpartition('/')[2]}").data["items"]
    assert [child["status"] for child in children] == ["succeeded", "succeeded"]


def test_a_run_whose_child_may_not_begin_fails_with_the_reason(app: App, owner: Person, work: Work) -> None:
    def run(run: Any) -> Any:
        run.child(
            "one", lambda parent: service.start(app, "unknown", OVER, label="it", initiator_id=owner.user_id, parent=parent)
        )

    app.offers.keep("runners", {**app.offers("runners"), "lonely": Runner("lonely", run=run)})
    path = f"/executions/{begin(app, owner, kind='lonely').id}"
    work()
    assert (read(owner, path)["status"], read(owner, path)["error"]["code"]) == ("failed", "feature_disabled")


def test_a_run_rests_until_its_time_has_come(owner: Person, work: Work) -> None:
    path = start(owner, LONG)
    work()
    assert (read(owner, path)["status"], read(owner, path)["waiting_for"]) == ("waiting", "time")


def test_a_signal_that_comes_before_it_is_waited_for_is_kept(owner: Person, work: Work) -> None:
    path = start(owner)
    pay(owner, path)
    work()
    assert read(owner, path)["status"] == "succeeded"


def test_of_signals_with_one_key_the_first_counts(owner: Person, work: Work) -> None:
    path = start(owner)
    first, second = pay(owner, path, key="bank-1"), pay(owner, path, key="bank-1", data={"amount": 9})
    assert (first.data["duplicate"], second.data["duplicate"]) == (False, True)
    work()
    assert read(owner, path)["output"]["fee"] == {"amount": 7}


def test_a_signal_about_something_else_does_not_wake_a_run(owner: Person, work: Work) -> None:
    path = start(owner)
    work()
    pay(owner, path, correlation="another")
    work()
    assert read(owner, path)["status"] == "waiting"


def test_a_run_that_has_ended_hears_no_signals(owner: Person, work: Work) -> None:
    path = start(owner)
    pay(owner, path)
    work()
    assert pay(owner, path).codes == {"_": ["invalid_state"]}


@pytest.mark.parametrize("name", ["", "Paid", "paid now", "7", "a" * 101])
def test_a_signal_has_a_name_that_a_runner_can_write(owner: Person, name: str) -> None:
    answer = pay(owner, start(owner), name=name)
    assert (answer.status, list(answer.codes)) == (422, ["name"])


def test_signals_that_nothing_waits_for_are_bounded(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aasim_plugins.executions.steering.MOST_SIGNALS", 3)
    path = start(owner)
    answers = [pay(owner, path, correlation="another") for _ in range(4)]
    assert [answer.status for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].codes == {"_": ["too_many_signals"]}


def test_a_paused_run_starts_nothing_until_it_is_resumed(owner: Person, work: Work) -> None:
    path = start(owner)
    paused = owner.client.post(f"{path}/pause")
    assert (paused.status, paused.data["status"], paused.data["is_paused"]) == (200, "paused", True)
    work()
    assert read(owner, path)["started_at"] is None

    assert owner.client.post(f"{path}/resume").data["status"] == "queued"
    pay(owner, path)
    work()
    assert read(owner, path)["status"] == "succeeded"


def test_what_comes_for_a_paused_run_counts_when_it_is_resumed(owner: Person, work: Work) -> None:
    path = start(owner)
    work()
    owner.client.post(f"{path}/pause")
    pay(owner, path)
    work()
    assert read(owner, path)["status"] == "paused"
    owner.client.post(f"{path}/resume")
    work()
    assert read(owner, path)["status"] == "succeeded"


def test_pausing_and_resuming_are_events(owner: Person) -> None:
    path = start(owner)
    for action in ("pause", "pause", "resume", "resume"):
        assert owner.client.post(f"{path}/{action}").status == 200
    with organization_scope(owner.organization_id):
        names = [
            event.name for event in EventRow.select().where(EventRow.subject_id == path.rpartition("/")[2]).order_by(EventRow.id)
        ]
    assert names == ["executions.queued", "executions.paused", "executions.resumed"]


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_run_that_has_ended_cannot_be_paused_or_resumed(owner: Person, action: str) -> None:
    path = start(owner)
    owner.client.post(f"{path}/cancel")
    assert owner.client.post(f"{path}/{action}").codes == {"_": ["invalid_state"]}


def test_a_run_that_is_cancelled_waits_for_nothing_any_more(owner: Person, work: Work) -> None:
    path = start(owner, LONG)
    work()
    assert owner.client.post(f"{path}/cancel").data["status"] == "cancelled"
    assert waits_of(owner, path) == []


def test_a_run_of_a_key_is_started_once(app: App, owner: Person) -> None:
    first, second, other = (begin(app, owner, key=key) for key in ("due-1", "due-1", "due-2"))
    assert (first.id == second.id, first.id == other.id) == (True, False)


def test_a_start_with_a_key_that_has_started_a_run_can_be_refused(app: App, owner: Person) -> None:
    first = begin(app, owner, key="due-1")
    with pytest.raises(Refused) as refused:
        begin(app, owner, key="due-1", on_duplicate="refuse")
    [[problem]] = refused.value.problems.values()
    assert (problem.code, problem.meta) == ("already_exists", {"execution_id": first.id})


def test_a_run_begins_when_its_time_has_come(app: App, owner: Person, work: Work) -> None:
    early, due = begin(app, owner, run_at=now() + timedelta(hours=1)), begin(app, owner, run_at=now())
    work()
    begun = {each.id: read(owner, f"/executions/{each.id}")["started_at"] is not None for each in (early, due)}
    assert begun == {early.id: False, due.id: True}


def test_a_run_does_not_begin_earlier_since_something_has_come_for_it(app: App, owner: Person, work: Work) -> None:
    early = f"/executions/{begin(app, owner, run_at=now() + timedelta(hours=1)).id}"
    pay(owner, early)
    work()
    with organization_scope(owner.organization_id), app.database.transaction():
        service.resume(early.rpartition("/")[2])
    assert (read(owner, early)["status"], read(owner, early)["waiting_for"]) == ("waiting", "time")


def test_a_run_that_waits_past_its_deadline_times_out(app: App, owner: Person, work: Work) -> None:
    late = begin(app, owner, deadline=now())
    work()
    ended = read(owner, f"/executions/{late.id}")
    assert (ended["status"], ended["error"]["code"]) == ("timed_out", "timed_out")
    assert waits_of(owner, f"/executions/{late.id}") == []


def test_what_has_ended_a_wait_is_kept_under_its_path(owner: Person, work: Work) -> None:
    path = start(owner)
    pay(owner, path)
    work()
    with organization_scope(owner.organization_id):
        assert {(row.kind, row.path) for row in ArrivalRow.select() if row.path} == {
            ("child", "leg[0]"), ("child", "leg[1]"), ("timer", "rest"), ("signal", "fee"), ("event", "receipt"),
        }  # fmt: skip
    assert waits_of(owner, path) == []


def begin(app: App, owner: Person, kind: str = "expedition", **more: Any) -> Execution:
    """Start an expedition, or another kind of run, as a plugin does."""
    with organization_scope(owner.organization_id), app.database.transaction():
        return service.start(app, kind, OVER, label="it", initiator_id=owner.user_id, **more)


def waits_of(owner: Person, path: str) -> list[str]:
    """The paths of the run that wait."""
    with organization_scope(owner.organization_id):
        return [row.path for row in WaitRow.select().where(WaitRow.execution_id == path.rpartition("/")[2])]
