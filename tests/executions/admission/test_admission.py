"""Runs that need an admission: they wait for their slot, are told what they wait behind, and no more of them run than may."""

from collections.abc import Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.errors import Refused
from aasim_core.jobs.records import JobRow
from aasim_core.testing.selection import only
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.executions import service
from aasim_plugins.executions.models import WaitRow
from aasim_plugins.executions.service import Admit, Rule
from aasim_plugins.executions.shell.slot_records import AdmissionRow

from ..errands import KEY, Errands
from ..passing_time import make_due
from ..test_waiting_runs import PLUGINS

NOTHING = {"tickets": 0, "keys": 0}
AN_HOUR = 3_600_000


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


@pytest.fixture
def errands(app: App, owner: Person) -> Errands:
    """Runs that need an admission."""
    return Errands(app, owner)


@pytest.mark.long
def test_a_run_that_finds_a_slot_has_its_first_job_at_once(errands: Errands) -> None:
    errands.start()
    with organization_scope(errands.owner.organization_id):
        assert [job.name for job in JobRow.select().where(JobRow.name.startswith("executions."))] == ["executions.turn"]
        assert WaitRow.select().count() == 0


def test_a_run_that_finds_none_waits_until_another_one_ends(errands: Errands) -> None:
    first, second = errands.start(given="wait"), errands.start()
    errands.work()
    assert errands.statuses(first, second) == ["waiting", "admission"]
    errands.go_on(first)
    errands.work()
    assert errands.statuses(first, second) == ["succeeded", "succeeded"]


def test_nothing_is_left_of_a_key_that_nobody_asks_for(errands: Errands) -> None:
    for _ in range(3):
        errands.start()
    errands.work()
    assert (len(errands.run), errands.left()) == (3, NOTHING)


def test_runs_without_an_admission_pay_nothing_for_it(app: App, errands: Errands) -> None:
    with recorded(app.database) as statements:
        errands.start(None)
        errands.work()
    assert [each.sql for each in statements if "executions_ticket" in each.sql or "executions_admission" in each.sql] == []
    assert not [each for each in statements if "advisory" in each.sql and "executions/admission" in str(each.parameters)]


def test_what_a_run_waits_behind_is_told(errands: Errands) -> None:
    first, second, third = (errands.start() for _ in range(3))
    told = {"key": KEY, "position": 2, "held": 1, "held_by": [first], "next_slot_at": None}
    assert (errands.read(third)["admission"], errands.read(third)["status"]) == (told, "queued")
    assert errands.read(second)["admission"] == {**told, "position": 1}
    assert errands.read(first)["admission"] is None


def test_what_runs_wait_behind_is_told_in_lists(errands: Errands) -> None:
    ids = [errands.start() for _ in range(3)]
    listed = errands.owner.client.get("/executions?waiting_for=admission&sort=created_at").data["items"]
    assert [(each["id"], each["admission"]["position"]) for each in listed] == [(ids[1], 1), (ids[2], 2)]


def test_who_may_not_see_the_runs_ahead_is_told_how_many_they_are(errands: Errands, world: World) -> None:
    errands.start()
    somebody = world.member(errands.owner, "builder", world.node(errands.owner, "project"))
    mine = errands.start(initiator_id=somebody.user_id)
    told = somebody.client.get(f"/executions/{mine}").data["admission"]
    assert (told["held"], told["held_by"]) == (1, [])


def test_the_more_urgent_run_comes_first(errands: Errands) -> None:
    first, later, urgent = errands.start(), errands.start(), errands.start(priority=5)
    errands.work()
    assert errands.run == [first, urgent, later]


def test_groups_take_turns(errands: Errands) -> None:
    names = {errands.start(group=name[0]): name for name in ("a0", "a1", "a2", "a3", "b0", "b1")}
    errands.work()
    assert [names[each] for each in errands.run] == ["a0", "a1", "b0", "a2", "b1", "a3"]


def test_each_key_and_each_organization_has_slots_of_its_own(errands: Errands, app: App, world: World) -> None:
    elsewhere = Errands(app, world.organization())
    ids = [errands.start(), errands.start(key="other")]
    assert errands.statuses(*ids) == ["queued", "queued"]
    assert elsewhere.status(elsewhere.start()) == "queued"


def test_the_rule_of_the_last_start_counts(errands: Errands) -> None:
    for _ in range(2):
        errands.start()
    assert errands.read(errands.start(Rule(limit=2)))["admission"]["held"] == 2


def test_a_run_that_begins_later_asks_when_its_time_has_come(errands: Errands) -> None:
    first, later = errands.start(given="wait"), errands.start(run_at=now())
    assert errands.read(later)["waiting_for"] == "time"
    errands.work()
    assert errands.statuses(first, later) == ["waiting", "admission"]


# Policies.


def test_a_queue_is_as_long_as_it_may_be(errands: Errands) -> None:
    rule = Rule(limit=1, longest=1)
    errands.start(rule)
    errands.start(rule)
    with pytest.raises(Refused) as refused:
        errands.start(rule)
    [[problem]] = refused.value.problems.values()
    assert (refused.value.code, problem.meta["used"], problem.meta["max"]) == ("too_many_at_once", 1, 1)
    assert errands.left() == {"tickets": 2, "keys": 1}


def test_without_a_queue_one_too_many_is_refused(errands: Errands) -> None:
    rule = Rule(limit=1, policy="refuse")
    errands.start(rule)
    with errands.transaction():
        with pytest.raises(Refused, match="no more of them may wait"):
            errands.start_within(Admit(KEY, rule))
        other = errands.start_within(Admit("other", rule)).id
    assert errands.status(other) == "queued"


def test_of_those_that_wait_the_latest_stays(errands: Errands) -> None:
    rule = Rule(limit=1, policy="latest_only")
    ids = [errands.start(rule, "wait") for _ in range(3)]
    errands.work()
    assert errands.statuses(*ids) == ["waiting", "cancelled", "admission"]
    assert "room" in errands.read(ids[1])["cancel_reason"]


def test_the_oldest_makes_room_and_keeps_its_slot_until_it_has_ended(errands: Errands) -> None:
    rule = Rule(limit=1, policy="cancel_oldest")
    first = errands.start(rule, "wait")
    errands.work()
    second = errands.start(rule, "wait")
    assert errands.statuses(first, second) == ["waiting", "admission"]
    errands.work()
    assert errands.statuses(first, second) == ["cancelled", "waiting"]


def test_the_newest_is_cancelled_itself(errands: Errands) -> None:
    rule = Rule(limit=1, policy="cancel_newest")
    first, second = errands.start(rule, "wait"), errands.start(rule, "wait")
    errands.work()
    assert (errands.statuses(first, second), errands.left()["tickets"]) == (["waiting", "cancelled"], 1)


def test_a_run_that_may_not_wait_is_cancelled_where_it_asks_later(errands: Errands) -> None:
    rule = Rule(limit=1, policy="refuse")
    first = errands.start(rule, "wait", hold="turn")
    errands.work()
    errands.start(rule, "wait")
    errands.work()
    errands.go_on(first)
    errands.work()
    told = errands.read(first)
    assert (told["status"], "no more of them may wait" in told["cancel_reason"]) == ("cancelled", True)


def test_a_rate_admits_as_many_as_it_says_in_a_window(app: App, errands: Errands) -> None:
    rule = Rule(rate=1, window=AN_HOUR)
    first, second = errands.start(rule), errands.start(rule)
    for _ in range(2):
        make_due(app)
        errands.work()
    assert errands.statuses(first, second) == ["succeeded", "admission"]
    assert errands.read(second)["admission"]["next_slot_at"] > errands.read(first)["created_at"]
    pass_an_hour(errands)
    make_due(app)
    errands.work()
    assert errands.status(second) == "succeeded"


def test_of_a_rate_nothing_is_left_some_time_after_the_last_window(app: App, errands: Errands) -> None:
    errands.start(Rule(rate=1, window=AN_HOUR))
    errands.work()
    assert errands.left() == {"tickets": 0, "keys": 1}
    for _ in range(2):
        pass_an_hour(errands)
    make_due(app)
    errands.work()
    assert errands.left() == NOTHING


def pass_an_hour(errands: Errands) -> None:
    """Let what the keys remember be an hour older."""
    with errands.transaction():
        for row in AdmissionRow.select():
            recent = [at - AN_HOUR for at in row.recent]
            AdmissionRow.update(recent=recent).where(AdmissionRow.key == row.key).execute()


# What is held, and for how long.


def test_a_slot_that_is_held_for_turns_is_given_back_while_the_run_waits(errands: Errands) -> None:
    first, second = errands.start(given="wait", hold="turn"), errands.start(given="wait", hold="turn")
    errands.work()
    assert errands.statuses(first, second) == ["waiting", "waiting"]
    for each in (first, second):
        errands.go_on(each)
    errands.work()
    assert (errands.statuses(first, second), errands.left()) == (["succeeded", "succeeded"], NOTHING)


def test_a_run_that_goes_on_waits_for_its_slot_again(errands: Errands) -> None:
    first = errands.start(given="wait", hold="turn")
    errands.work()
    errands.start(given="wait", hold="run")
    errands.work()
    errands.go_on(first)
    errands.work()
    assert errands.status(first) == "admission"


@pytest.mark.parametrize("ends", ["cancel", "pause"])
def test_a_run_that_is_stopped_while_it_asks_leaves_the_queue(errands: Errands, ends: str) -> None:
    first, second = errands.start(), errands.start()
    errands.owner.client.post(f"/executions/{second}/{ends}")
    assert errands.left()["tickets"] == 1
    errands.work()
    assert errands.run == [first]


def test_a_run_that_was_paused_asks_again_when_it_is_resumed(errands: Errands) -> None:
    first, second = errands.start(), errands.start()
    for what in ("pause", "resume"):
        errands.owner.client.post(f"/executions/{second}/{what}")
    assert errands.status(second) == "admission"
    errands.work()
    assert (errands.run, errands.left()) == ([first, second], NOTHING)


def test_a_run_that_is_told_to_go_on_does_not_get_in_by_that(errands: Errands) -> None:
    errands.start()
    second = errands.start()
    with errands.transaction():
        service.resume(second)
    assert errands.status(second) == "admission"
