"""Waits and arrivals: what comes early, late, twice or a thousand times ends one wait once, and wakes the run once."""

from aasim_plugins.executions.kernel.commands import CloseWait, Enqueue, OpenWait, Reject, Replay
from aasim_plugins.executions.kernel.events import (
    Claimed,
    Delivered,
    RunEnded,
    StepStarted,
    Tick,
    TurnEnded,
    WaitRegistered,
    WaitWithdrawn,
)
from aasim_plugins.executions.kernel.state import RUN, Outcome, State, Step, Wait

from .playbook import DONE, FAILED, after, arrival, given, running

APPROVAL = Wait("approval", "q")
TIMED_OUT = Outcome("timed_out")


def waiting(**waits: Wait) -> State:
    """A run that waits, each path for one thing."""
    return after(running(), *(WaitRegistered(1, path, wait) for path, wait in waits.items()), TurnEnded(1))


def test_a_run_waits_for_a_decision_and_goes_on_with_it() -> None:
    (
        given(running())
        << WaitRegistered(1, "ask", APPROVAL) >> "running" >> [OpenWait("ask", APPROVAL)]
        << TurnEnded(1) >> "waiting" >> []
        << Delivered((arrival("approval", "q"),)) >> "queued" >> [Enqueue(2)]
        << Claimed(2) >> "running" >> []
        << StepStarted(2, "ask") >> [Replay("ask", DONE)]
    )  # fmt: skip


def test_an_arrival_that_comes_twice_counts_once() -> None:
    one = arrival("signal", "go", key="delivery-7")
    run = after(waiting(a=Wait("signal", "go"), b=Wait("signal", "go")), Delivered((one, one)), Delivered((one,)))
    assert set(run.waits) == {"b"}


def test_a_decision_that_comes_before_the_turn_has_ended_is_not_lost() -> None:
    (
        given(running())
        << WaitRegistered(1, "ask", APPROVAL) >> [OpenWait("ask", APPROVAL)]
        << WaitRegistered(1, "other", Wait("signal", "go")) >> [OpenWait("other", Wait("signal", "go"))]
        << Delivered((arrival("approval", "q"),)) >> "running" >> []
        << TurnEnded(1) >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_a_signal_that_comes_before_its_wait_ends_it_at_once() -> None:
    (
        given(running())
        << Delivered((arrival("signal", "go"),)) >> "running" >> []
        << WaitRegistered(1, "a", Wait("signal", "go")) >> []
        << TurnEnded(1) >> "queued" >> [Enqueue(2)]
        << Claimed(2) >> []
        << WaitRegistered(2, "a", Wait("signal", "go")) >> [Replay("a", DONE)]
    )  # fmt: skip


def test_an_early_arrival_ends_one_wait_only() -> None:
    run = after(running(), Delivered((arrival("signal", "go"),)), WaitRegistered(1, "a", Wait("signal", "go")))
    given(run) << WaitRegistered(1, "b", Wait("signal", "go")) >> [OpenWait("b", Wait("signal", "go"))]


def test_the_other_early_arrivals_stay() -> None:
    go, stop = arrival("signal", "go"), arrival("signal", "stop")
    run = after(running(), Delivered((go, stop)), WaitRegistered(1, "a", Wait("signal", "go")))
    assert run.arrivals == (stop,)
    assert run.steps == {"a": Step("ended", 1, 1, DONE)}


def test_an_event_from_before_the_time_that_counts_does_not_end_a_wait() -> None:
    wait = Wait("event", "order.paid/7", since=100)
    (
        given(running())
        << Delivered((arrival("event", "order.paid/7", key="1", at=99),)) >> []
        << WaitRegistered(1, "a", wait) >> [OpenWait("a", wait)]
        << TurnEnded(1) >> "waiting" >> []
        << Delivered((arrival("event", "order.paid/7", key="2", at=100),)) >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_an_arrival_of_another_kind_or_correlation_does_not_end_a_wait() -> None:
    (
        given(waiting(a=Wait("signal", "go")))
        << Delivered((arrival("event", "go"), arrival("signal", "stop"))) >> "waiting" >> []
    )  # fmt: skip


def test_a_parent_is_woken_once_for_many_children() -> None:
    children = [f"child{n}" for n in range(1000)]
    run = waiting(**{child: Wait("child", child) for child in children})
    (
        given(run)
        << Delivered(tuple(arrival("child", child) for child in children[:999])) >> "queued" >> [Enqueue(2)]
        << Delivered((arrival("child", children[999]),)) >> "queued" >> []
        << Claimed(2) >> "running" >> []
        << StepStarted(2, "child999") >> [Replay("child999", DONE)]
    )  # fmt: skip


def test_a_parent_decides_what_a_childs_failure_does() -> None:
    failed = arrival("child", "c", outcome=Outcome("failed", "boom"))
    (
        given(waiting(a=Wait("child", "c")))
        << Delivered((failed,)) >> "queued" >> [Enqueue(2)]
        << Claimed(2) >> []
        << StepStarted(2, "a") >> [Replay("a", Outcome("failed", "boom"))]
    )  # fmt: skip


def test_a_childs_failure_fails_the_parent_where_it_was_started_so() -> None:
    failed = arrival("child", "c", outcome=Outcome("cancelled", "boom"))
    playbook = (
        given(waiting(a=Wait("child", "c", fails_run=True), b=Wait("child", "d", fails_run=True)))
        << Delivered((failed,)) >> "failed" >> [CloseWait("b", Wait("child", "d", fails_run=True))]
    )  # fmt: skip
    assert playbook.state.outcome == Outcome("failed", "boom")
    assert playbook.state.steps["a"].outcome == Outcome("cancelled", "boom")


def test_a_child_that_succeeds_never_fails_the_parent() -> None:
    given(waiting(a=Wait("child", "c", fails_run=True))) << Delivered((arrival("child", "c"),)) >> "queued" >> [Enqueue(2)]


def test_a_child_that_failed_before_its_wait_fails_the_parent_too() -> None:
    early = after(running(grace=5), Delivered((arrival("child", "c", at=20, outcome=FAILED),)))
    (
        given(early)
        << WaitRegistered(1, "a", Wait("child", "c", fails_run=True)) >> "cancelling" >> []
        << Tick(24) >> "cancelling" >> []
        << Tick(25) >> "failed" >> []
    )  # fmt: skip


def test_a_timer_ends_at_its_time_and_not_before() -> None:
    (
        given(waiting(a=Wait("timer", deadline=60)))
        << Tick(59) >> "waiting" >> []
        << Tick(60) >> "queued" >> [Enqueue(2)]
        << Tick(60) >> "queued" >> []
        << Claimed(2) >> []
        << StepStarted(2, "a") >> [Replay("a", Outcome("succeeded"))]
    )  # fmt: skip


def test_a_wait_that_takes_too_long_times_out_and_is_closed() -> None:
    approval = Wait("approval", "q", deadline=60)
    (
        given(waiting(a=approval, b=APPROVAL))
        << Tick(60) >> "queued" >> [CloseWait("a", approval), Enqueue(2)]
        << Claimed(2) >> []
        << StepStarted(2, "a") >> [Replay("a", TIMED_OUT)]
    )  # fmt: skip


def test_a_child_that_takes_too_long_fails_the_parent_where_it_was_started_so() -> None:
    child, timer = Wait("child", "c", deadline=60, fails_run=True), Wait("timer", deadline=60)
    given(waiting(a=child, b=timer)) << Tick(60) >> "failed" >> [CloseWait("a", child), CloseWait("b", timer)]


def test_what_is_missing_blocks_the_run_until_it_is_there() -> None:
    missing = Wait("missing", "plugin:search")
    (
        given(running())
        << WaitRegistered(1, RUN, missing) >> [OpenWait(RUN, missing)]
        << WaitRegistered(1, "ask", APPROVAL) >> [OpenWait("ask", APPROVAL)]
        << TurnEnded(1) >> "blocked" >> []
        << Delivered((arrival("approval", "q"),)) >> "blocked" >> []
        << Delivered((arrival("missing", "plugin:search"),)) >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_what_was_missing_leaves_no_outcome() -> None:
    run = after(waiting(a=Wait("missing", "plugin:search")), Delivered((arrival("missing", "plugin:search"),)))
    assert run.steps == {}


def test_what_stays_missing_is_the_outcome_of_its_step() -> None:
    missing = Wait("missing", "plugin:search", deadline=60)
    (
        given(waiting(a=missing))
        << Tick(60)
        >> "queued"
        >> [CloseWait("a", missing), Enqueue(2)]
        << Claimed(2)
        >> []
        << StepStarted(2, "a")
        >> [Replay("a", TIMED_OUT)]
    )  # fmt: skip


def test_a_wait_that_is_registered_twice_is_one() -> None:
    (
        given(running())
        << WaitRegistered(1, "a", APPROVAL) >> [OpenWait("a", APPROVAL)]
        << WaitRegistered(1, "a", APPROVAL) >> []
        << WaitRegistered(1, "a", Wait("signal", "go")) >> [Reject("waiting")]
    )  # fmt: skip


def test_what_comes_after_the_end_is_dropped() -> None:
    ended = after(running(), RunEnded(1, DONE))
    playbook = given(ended) << Delivered((arrival("signal", "go"),)) >> "succeeded" >> []
    assert playbook.state == ended


def test_a_wait_that_is_withdrawn_is_closed_and_has_no_outcome() -> None:
    run = after(running(), WaitRegistered(1, "ask", APPROVAL))
    assert (
        given(run)
        << WaitWithdrawn(1, "ask") >> [CloseWait("ask", APPROVAL)]
        << WaitWithdrawn(1, "ask") >> []
        << TurnEnded(1) >> "queued"
    )  # fmt: skip


def test_a_path_whose_wait_was_withdrawn_can_wait_again() -> None:
    run = after(running(), WaitRegistered(1, "ask", APPROVAL), WaitWithdrawn(1, "ask"))
    assert given(run) << WaitRegistered(1, "ask", APPROVAL) >> [OpenWait("ask", APPROVAL)]
