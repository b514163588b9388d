"""Cancel, pause, resume and the deadline: a run that is to stop starts nothing any more, and what came first counts."""

import pytest

from aasim_plugins.executions.kernel.commands import CloseWait, Enqueue, Notify, OpenWait, Perform, Reject, Replay
from aasim_plugins.executions.kernel.events import (
    Cancel,
    Claimed,
    Delivered,
    JobDied,
    Pause,
    Resume,
    RunEnded,
    StepEnded,
    StepStarted,
    Tick,
    TurnEnded,
    WaitRegistered,
    Woken,
)
from aasim_plugins.executions.kernel.state import Outcome, State, Wait, next_due

from .playbook import DONE, FAILED, after, arrival, given, queued, running

CHILD = Wait("child", "c")
REASON = Outcome("cancelled", "no longer needed")


def waiting(**values: Wait) -> State:
    """A run that waits for its child."""
    return after(running(**values), WaitRegistered(1, "a", CHILD), TurnEnded(1))


def test_a_run_that_waits_is_cancelled_at_once_with_its_children() -> None:
    playbook = (
        given(waiting(parent="p"))
        << Cancel(10, "no longer needed")
        >> "cancelled"
        >> [CloseWait("a", CHILD), Notify("p", REASON)]
    )
    assert playbook.state.outcome == REASON


def test_a_run_in_the_queue_is_cancelled_at_once_and_its_job_does_nothing() -> None:
    (
        given(queued())
        << Cancel(10) >> "cancelled" >> []
        << Claimed(1) >> "cancelled" >> [Reject("invalid_state")]
    )  # fmt: skip


def test_a_run_at_work_starts_nothing_any_more_and_keeps_what_it_has_done() -> None:
    run = after(running(), WaitRegistered(1, "c", CHILD), StepStarted(1, "a"), StepEnded(1, "b", DONE))
    playbook = (
        given(run)
        << Cancel(10, "no longer needed") >> "cancelling" >> [CloseWait("c", CHILD)]
        << StepStarted(1, "d") >> [Reject("stopping")]
        << WaitRegistered(1, "d", Wait("signal", "go")) >> [Reject("stopping")]
        << StepStarted(1, "b") >> [Replay("b", DONE)]
        << StepEnded(1, "a", DONE) >> "cancelling" >> []
        << TurnEnded(1) >> "cancelled" >> []
    )  # fmt: skip
    assert playbook.state.outcome == REASON
    assert playbook.state.steps["a"].outcome == DONE


def test_an_attempt_that_fails_after_the_cancel_is_not_repeated() -> None:
    run = after(running(), StepStarted(1, "a"), Cancel(10))
    playbook = given(run) << StepEnded(1, "a", FAILED, retry_at=60) >> []
    assert playbook.state.steps["a"].outcome == FAILED


def test_a_cancel_that_came_first_wins_over_the_end_of_the_run() -> None:
    given(after(running(), Cancel(10))) << RunEnded(1, DONE) >> "cancelled" >> []


def test_a_run_that_does_not_let_go_is_ended_when_its_grace_is_over() -> None:
    (
        given(running(grace=8))
        << Cancel(10) >> "cancelling" >> []
        << Tick(17) >> "cancelling" >> []
        << Tick(18) >> "cancelled" >> []
        << StepEnded(1, "a", DONE) >> [Reject("lease_lost")]
    )  # fmt: skip


def test_the_next_tick_of_a_run_that_is_to_end_is_due_at_the_end_of_its_grace() -> None:
    assert next_due(after(running(grace=8, deadline=11), Cancel(10))) == 18


@pytest.mark.parametrize("event", [Claimed(1), JobDied(1, "crashed")], ids=["taken again", "given up"])
def test_a_cancelled_run_whose_worker_died_ends_with_its_job(event: Claimed | JobDied) -> None:
    given(after(running(), Cancel(10))) << event >> "cancelled" >> []


def test_cancelling_again_changes_nothing() -> None:
    (
        given(running())
        << Cancel(10, "first") >> "cancelling" >> []
        << Cancel(20, "second") >> "cancelling" >> []
        << TurnEnded(1) >> "cancelled" >> []
        << Cancel(30) >> "cancelled" >> []
    )  # fmt: skip


def test_a_second_cancel_gives_no_more_grace() -> None:
    given(after(running(grace=8), Cancel(10), Cancel(17))) << Tick(18) >> "cancelled" >> []


@pytest.mark.parametrize("event", [Cancel(10), Pause(), Resume()], ids=["cancel", "pause", "resume"])
def test_a_run_that_has_ended_otherwise_cannot_be_stopped(event: Cancel | Pause | Resume) -> None:
    given(after(running(), RunEnded(1, DONE))) << event >> "succeeded" >> [Reject("invalid_state")]


def test_the_deadline_counts_waits_too() -> None:
    (
        given(waiting(deadline=100))
        << Tick(99) >> "waiting" >> []
        << Tick(100) >> "timed_out" >> [CloseWait("a", CHILD)]
    )  # fmt: skip


def test_a_run_at_work_has_its_grace_at_the_deadline_too() -> None:
    (
        given(running(deadline=100, grace=8))
        << Tick(100) >> "cancelling" >> []
        << Cancel(101) >> "cancelling" >> []
        << RunEnded(1, DONE) >> "timed_out" >> []
    )  # fmt: skip


def test_a_run_that_waits_is_paused_and_what_comes_meanwhile_counts_when_it_is_resumed() -> None:
    (
        given(waiting())
        << Pause() >> "paused" >> []
        << Delivered((arrival("child", "c"),)) >> "paused" >> []
        << Resume() >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_a_run_that_is_resumed_while_it_waits_goes_on_waiting() -> None:
    (
        given(waiting())
        << Pause() >> "paused" >> []
        << Pause() >> "paused" >> []
        << Resume() >> "waiting" >> []
        << Resume() >> "waiting" >> []
    )  # fmt: skip


def test_a_run_that_waits_looks_for_what_there_is_to_do_when_it_is_woken() -> None:
    given(waiting()) << Woken() >> "queued" >> [Enqueue(2)]


def test_a_run_that_is_woken_while_it_is_paused_looks_when_it_is_resumed() -> None:
    (
        given(after(waiting(), Pause()))
        << Woken() >> "paused" >> []
        << Resume() >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_a_timer_ends_also_while_the_run_is_paused() -> None:
    run = after(running(), WaitRegistered(1, "a", Wait("timer", deadline=60)), TurnEnded(1), Pause())
    (
        given(run)
        << Tick(60) >> "paused" >> []
        << Resume() >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_a_run_in_the_queue_is_paused_and_its_job_does_nothing() -> None:
    (
        given(queued())
        << Pause() >> "paused" >> []
        << Claimed(1) >> "paused" >> [Reject("stale_job")]
        << Resume() >> "queued" >> [Enqueue(2)]
        << Claimed(1) >> "queued" >> [Reject("stale_job")]
        << Claimed(2) >> "running" >> []
    )  # fmt: skip


def test_a_run_at_work_is_paused_when_its_worker_lets_go() -> None:
    (
        given(after(running(), StepStarted(1, "a")))
        << Pause() >> "running" >> []
        << StepStarted(1, "b") >> [Reject("stopping")]
        << StepEnded(1, "a", DONE) >> []
        << TurnEnded(1, has_more=True) >> "paused" >> []
        << Resume() >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_a_pause_that_is_taken_back_in_time_does_not_stop_the_run() -> None:
    (
        given(running())
        << Pause() >> "running" >> []
        << Resume() >> "running" >> []
        << StepStarted(1, "a") >> [Perform("a", 1)]
    )  # fmt: skip


def test_a_paused_run_whose_worker_dies_is_paused_and_goes_on_when_it_is_resumed() -> None:
    (
        given(after(running(), WaitRegistered(1, "a", CHILD)))
        << Pause() >> "running" >> []
        << Claimed(1) >> "paused" >> []
        << Resume() >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_a_paused_run_can_be_cancelled() -> None:
    given(after(waiting(), Pause())) << Cancel(10) >> "cancelled" >> [CloseWait("a", CHILD)]


def test_a_run_that_is_being_cancelled_cannot_be_paused() -> None:
    given(after(running(), Cancel(10))) << Pause() >> "cancelling" >> [Reject("stopping")]


def test_a_wait_can_be_registered_while_the_run_is_to_be_paused() -> None:
    (
        given(after(running(), Pause()))
        << WaitRegistered(1, "a", CHILD) >> [OpenWait("a", CHILD)]
        << TurnEnded(1) >> "paused" >> []
        << Resume() >> "waiting" >> []
    )  # fmt: skip
