"""Steps: the intent is written before the effect, the outcome after it; what happened in between is known, done again, or asked."""

from aasim_plugins.executions.kernel.commands import Enqueue, OpenWait, Perform, Reject, Replay
from aasim_plugins.executions.kernel.events import Claimed, Delivered, StepEnded, StepStarted, Tick, TurnEnded, WaitRegistered
from aasim_plugins.executions.kernel.state import Outcome, Step, Wait

from .playbook import DONE, FAILED, after, arrival, given, running


def test_a_step_that_has_ended_is_replayed_in_a_later_turn() -> None:
    (
        given(running())
        << StepStarted(1, "a") >> [Perform("a", 1)]
        << StepEnded(1, "a", DONE) >> []
        << Claimed(1) >> []
        << StepStarted(2, "a") >> [Replay("a", DONE)]
    )  # fmt: skip


def test_a_failed_step_is_replayed_too() -> None:
    given(after(running(), StepEnded(1, "a", FAILED))) << StepStarted(1, "a") >> [Replay("a", FAILED)]


def test_a_step_without_an_effect_needs_no_intent() -> None:
    playbook = given(running()) << StepEnded(1, "a", DONE) >> []
    assert playbook.state.steps == {"a": Step("ended", 1, 1, DONE)}


def test_an_outcome_never_changes() -> None:
    playbook = given(after(running(), StepEnded(1, "a", DONE))) << StepEnded(1, "a", FAILED) >> [Reject("not_open")]
    assert playbook.state.steps["a"].outcome == DONE


def test_an_intent_that_comes_twice_is_one_attempt() -> None:
    (
        given(running())
        << StepStarted(1, "a") >> [Perform("a", 1)]
        << StepStarted(1, "a") >> [Perform("a", 1)]
    )  # fmt: skip


def test_a_step_that_crashed_is_done_again_where_that_does_no_harm() -> None:
    (
        given(running())
        << StepStarted(1, "a", is_repeatable=True) >> [Perform("a", 1)]
        << Claimed(1) >> "running" >> []
        << StepStarted(2, "a", is_repeatable=True) >> [Perform("a", 2)]
        << StepEnded(1, "a", DONE) >> [Reject("lease_lost")]
        << StepEnded(2, "a", DONE) >> []
    )  # fmt: skip


def test_a_step_that_crashed_and_must_not_be_repeated_is_asked_about() -> None:
    question = Wait("approval", "q")
    (
        given(running())
        << StepStarted(1, "pay") >> [Perform("pay", 1)]
        << Claimed(1) >> "running" >> []
        << StepStarted(2, "pay") >> [Reject("unknown_outcome")]
        << WaitRegistered(2, "pay", question) >> [OpenWait("pay", question)]
        << TurnEnded(2) >> "waiting" >> []
        << Delivered((arrival("approval", "q"),)) >> "queued" >> [Enqueue(2)]
        << Claimed(2) >> "running" >> []
        << StepStarted(3, "pay") >> [Replay("pay", DONE)]
    )  # fmt: skip


def test_no_outcome_is_taken_for_an_attempt_of_another_turn() -> None:
    crashed = after(running(), StepStarted(1, "pay"), Claimed(1))
    given(crashed) << StepEnded(2, "pay", DONE) >> [Reject("not_open")]


def test_an_attempt_that_failed_is_followed_by_another_one() -> None:
    timer = Wait("timer", deadline=60)
    (
        given(running())
        << StepStarted(1, "a") >> [Perform("a", 1)]
        << StepEnded(1, "a", FAILED, retry_at=60) >> [OpenWait("a", timer)]
        << StepStarted(1, "a") >> [Reject("waiting")]
        << StepEnded(1, "a", DONE) >> [Reject("not_open")]
        << TurnEnded(1) >> "waiting" >> []
        << Tick(60) >> "queued" >> [Enqueue(2)]
        << Claimed(2) >> "running" >> []
        << StepStarted(2, "a") >> [Perform("a", 2)]
        << StepEnded(2, "a", DONE) >> []
    )  # fmt: skip


def test_an_attempt_can_be_followed_by_another_one_in_the_same_turn() -> None:
    (
        given(running())
        << StepStarted(1, "a") >> [Perform("a", 1)]
        << StepEnded(1, "a", FAILED, retry_at=60) >> [OpenWait("a", Wait("timer", deadline=60))]
        << Tick(60) >> "running" >> []
        << StepStarted(1, "a") >> [Perform("a", 2)]
    )  # fmt: skip


def test_a_retry_has_no_outcome_until_it_ends() -> None:
    run = after(running(), StepStarted(1, "a"), StepEnded(1, "a", FAILED, retry_at=60), TurnEnded(1), Tick(60))
    assert run.steps["a"] == Step("retrying", 1, 1)


def test_a_step_that_was_to_be_retried_can_wait_for_somebody_instead() -> None:
    run = after(running(), StepEnded(1, "a", FAILED, retry_at=60), TurnEnded(1), Tick(60), Claimed(2))
    run = after(run, WaitRegistered(2, "a", Wait("approval", "q")), Delivered((arrival("approval", "q", outcome=FAILED),)))
    assert run.steps["a"].outcome == FAILED


def test_a_step_that_waits_is_ended_by_what_it_waits_for_only() -> None:
    (
        given(running())
        << StepStarted(1, "a") >> [Perform("a", 1)]
        << WaitRegistered(1, "a", Wait("child", "c")) >> [OpenWait("a", Wait("child", "c"))]
        << StepEnded(1, "a", DONE) >> [Reject("not_open")]
        << Delivered((arrival("child", "c", outcome=Outcome("failed", "boom")),)) >> "running" >> []
        << StepStarted(1, "a") >> [Replay("a", Outcome("failed", "boom"))]
    )  # fmt: skip
