"""Turns: a worker takes a run, and lets it go. Jobs come twice and workers die, yet one worker at a time has the run."""

from aasim_plugins.executions.kernel.commands import CloseWait, Enqueue, Notify, OpenWait, Perform, Reject
from aasim_plugins.executions.kernel.events import (
    Cancel,
    Claimed,
    JobDied,
    RunEnded,
    Start,
    StepEnded,
    StepStarted,
    Tick,
    TurnEnded,
    WaitRegistered,
)
from aasim_plugins.executions.kernel.state import RUN, Outcome, Wait, next_due

from .playbook import DONE, FAILED, after, given, new, queued, running


def test_a_run_is_queued_taken_and_succeeds() -> None:
    (
        given(None)
        << Start(new()) >> "queued" >> [Enqueue(1)]
        << Claimed(1) >> "running" >> []
        << StepStarted(1, "a") >> [Perform("a", 1)]
        << StepEnded(1, "a", DONE) >> []
        << RunEnded(1, DONE) >> "succeeded" >> []
    )  # fmt: skip


def test_a_run_that_is_to_start_later_waits_for_that_time() -> None:
    timer = Wait("timer", deadline=50)
    (
        given(None)
        << Start(new(), run_at=50) >> "waiting" >> [OpenWait(RUN, timer)]
        << Tick(49) >> "waiting" >> []
        << Tick(50) >> "queued" >> [Enqueue(1)]
    )  # fmt: skip


def test_the_start_time_leaves_no_step() -> None:
    assert after(given(None).__lshift__(Start(new(), run_at=50)).state, Tick(50)).steps == {}


def test_a_second_start_with_the_same_key_returns_the_first_run() -> None:
    first = queued()
    playbook = given(first) << Start(new()) >> "queued" >> []
    assert playbook.state is first


def test_a_second_start_with_the_same_key_is_refused_if_wanted() -> None:
    given(running()) << Start(new(), on_duplicate="refuse") >> "running" >> [Reject("duplicate_key")]


def test_a_run_that_fails_keeps_its_error() -> None:
    playbook = given(running()) << RunEnded(1, FAILED) >> "failed" >> []
    assert playbook.state.outcome == FAILED


def test_an_interrupted_turn_goes_back_to_the_queue() -> None:
    (
        given(running())
        << TurnEnded(1, has_more=True) >> "queued" >> [Enqueue(2)]
        << Claimed(2) >> "running" >> []
        << RunEnded(2, DONE) >> "succeeded" >> []
    )  # fmt: skip


def test_an_interrupted_turn_goes_back_to_the_queue_also_while_something_is_awaited() -> None:
    (
        given(running())
        << WaitRegistered(1, "a", Wait("signal", "go")) >> [OpenWait("a", Wait("signal", "go"))]
        << TurnEnded(1, has_more=True) >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_a_turn_that_ends_with_nothing_to_wait_for_is_followed_by_another() -> None:
    given(running()) << TurnEnded(1) >> "queued" >> [Enqueue(2)]


def test_a_job_that_is_delivered_again_begins_a_new_turn_and_fences_the_old_worker() -> None:
    (
        given(running())
        << Claimed(1) >> "running" >> []
        << StepStarted(1, "a") >> [Reject("lease_lost")]
        << TurnEnded(1) >> "running" >> [Reject("lease_lost")]
        << RunEnded(1, DONE) >> "running" >> [Reject("lease_lost")]
        << StepStarted(2, "a") >> [Perform("a", 1)]
    )  # fmt: skip


def test_a_job_of_an_earlier_turn_does_nothing() -> None:
    (
        given(running())
        << TurnEnded(1, has_more=True) >> [Enqueue(2)]
        << Claimed(1) >> "queued" >> [Reject("stale_job")]
        << JobDied(1, "crashed") >> "queued" >> [Reject("stale_job")]
    )  # fmt: skip


def test_a_job_does_not_start_a_run_that_waits() -> None:
    waiting = after(running(), WaitRegistered(1, "a", Wait("signal", "go")), TurnEnded(1))
    (
        given(waiting)
        << Claimed(1) >> "waiting" >> [Reject("stale_job")]
        << JobDied(1, "crashed") >> "waiting" >> [Reject("stale_job")]
    )  # fmt: skip


def test_nothing_is_taken_from_a_worker_whose_turn_is_over() -> None:
    given(queued()) << StepEnded(0, "a", DONE) >> "queued" >> [Reject("lease_lost")]


def test_a_job_that_is_given_up_fails_its_run() -> None:
    playbook = given(running()) << JobDied(1, "crashed three times") >> "failed" >> []
    assert playbook.state.outcome == Outcome("failed", "crashed three times")


def test_a_job_that_is_given_up_before_it_began_fails_its_run() -> None:
    given(queued()) << JobDied(1, "crashed three times") >> "failed" >> []


def test_the_end_closes_what_is_open_and_tells_the_parent() -> None:
    child, timer = Wait("child", "c"), Wait("timer", deadline=9)
    (
        given(running(parent="p"))
        << WaitRegistered(1, "a", child) >> [OpenWait("a", child)]
        << WaitRegistered(1, "b", timer) >> [OpenWait("b", timer)]
        << RunEnded(1, DONE) >> "succeeded" >> [CloseWait("a", child), CloseWait("b", timer), Notify("p", DONE)]
    )  # fmt: skip


def test_nothing_is_left_of_what_an_ended_run_was_about_to_do() -> None:
    run = running(ticket="r/1", is_woken=True, waits={"a": Wait("signal", "go")})
    assert after(run, RunEnded(1, DONE)) == running()._replace(status="succeeded", outcome=DONE)
    assert after(run, Cancel(10), RunEnded(1, DONE)).ending is None


def test_a_run_that_has_ended_takes_no_job() -> None:
    (
        given(after(running(), RunEnded(1, DONE)))
        << Claimed(1) >> "succeeded" >> [Reject("invalid_state")]
        << JobDied(1, "crashed") >> "succeeded" >> [Reject("invalid_state")]
        << StepStarted(1, "a") >> [Reject("lease_lost")]
        << Tick(10**9) >> "succeeded" >> []
    )  # fmt: skip


def test_a_run_without_deadlines_needs_no_tick() -> None:
    assert next_due(running()) is None


def test_the_next_tick_is_due_at_the_first_deadline() -> None:
    run = after(
        running(deadline=90), WaitRegistered(1, "a", Wait("timer", deadline=50)), WaitRegistered(1, "b", Wait("child", "c"))
    )
    assert next_due(running(deadline=90)) == 90
    assert next_due(run) == 50
    assert next_due(after(run, RunEnded(1, DONE))) is None
