"""A run that needs an admission: it asks before its turn, and gives back what it holds when it no longer needs it."""

from aasim_plugins.executions.kernel.commands import CloseWait, Enqueue, OpenWait, Release
from aasim_plugins.executions.kernel.events import (
    Cancel,
    Claimed,
    Delivered,
    Pause,
    Resume,
    RunEnded,
    Start,
    TurnEnded,
    WaitRegistered,
)
from aasim_plugins.executions.kernel.state import RUN, Slot, State, Wait

from .playbook import DONE, after, arrival, given, new, queued

FIRST, SECOND = Wait("admission", "r/1"), Wait("admission", "r/2")
CHILD = Wait("child", "c")


def admitted(hold: str) -> State:
    """A run with its admission, in its first turn."""
    return after(queued(slot=Slot("agent", hold)), Delivered((arrival("admission", "r/1"),)), Claimed(1))  # type: ignore[arg-type]


def test_a_run_has_no_job_until_it_is_admitted() -> None:
    (
        given(None)
        << Start(new(slot=Slot("agent"))) >> "queued" >> [OpenWait(RUN, FIRST)]
        << Delivered((arrival("admission", "r/1"),)) >> "queued" >> [Enqueue(1)]
        << Claimed(1) >> "running" >> []
        << RunEnded(1, DONE) >> "succeeded" >> [Release("r/1")]
    )  # fmt: skip


def test_an_admission_that_comes_twice_is_one() -> None:
    (
        given(queued(slot=Slot("agent")))
        << Delivered((arrival("admission", "r/1"),)) >> [Enqueue(1)]
        << Delivered((arrival("admission", "r/1"),)) >> []
    )  # fmt: skip


def test_an_admission_for_the_whole_run_is_held_while_it_waits() -> None:
    (
        given(admitted("run"))
        << WaitRegistered(1, "a", CHILD) >> [OpenWait("a", CHILD)]
        << TurnEnded(1) >> "waiting" >> []
        << Delivered((arrival("child", "c"),)) >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_an_admission_for_turns_is_given_back_while_the_run_waits() -> None:
    (
        given(admitted("turn"))
        << WaitRegistered(1, "a", CHILD) >> [OpenWait("a", CHILD)]
        << TurnEnded(1) >> "waiting" >> [Release("r/1")]
        << Delivered((arrival("child", "c"),)) >> "queued" >> [OpenWait(RUN, SECOND)]
        << Delivered((arrival("admission", "r/2"),)) >> "queued" >> [Enqueue(2)]
    )  # fmt: skip


def test_an_admission_for_turns_is_held_from_one_turn_to_the_next() -> None:
    given(admitted("turn")) << TurnEnded(1, has_more=True) >> "queued" >> [Enqueue(2)]


def test_an_admission_for_turns_is_given_back_while_the_run_is_paused() -> None:
    (
        given(after(queued(slot=Slot("agent", "turn")), Delivered((arrival("admission", "r/1"),))))
        << Pause() >> "paused" >> [Release("r/1")]
        << Resume() >> "queued" >> [OpenWait(RUN, SECOND)]
    )  # fmt: skip


def test_an_admission_is_given_back_once() -> None:
    waiting = after(admitted("turn"), WaitRegistered(1, "a", CHILD), TurnEnded(1))
    given(waiting) << Pause() >> "paused" >> []


def test_a_run_that_is_paused_while_it_asks_leaves_the_queue() -> None:
    (
        given(queued(slot=Slot("agent")))
        << Pause() >> "paused" >> [CloseWait(RUN, FIRST)]
        << Delivered((arrival("admission", "r/1"),)) >> "paused" >> [Release("r/1")]
        << Resume() >> "queued" >> [OpenWait(RUN, SECOND)]
    )  # fmt: skip


def test_a_run_that_is_cancelled_while_it_asks_leaves_the_queue() -> None:
    (
        given(queued(slot=Slot("agent")))
        << Cancel(10) >> "cancelled" >> [CloseWait(RUN, FIRST)]
        << Delivered((arrival("admission", "r/1"), arrival("signal", "go"))) >> "cancelled" >> [Release("r/1")]
    )  # fmt: skip


def test_an_admission_of_an_earlier_request_is_given_back() -> None:
    again = after(queued(slot=Slot("agent")), Pause(), Resume())
    given(again) << Delivered((arrival("admission", "r/1"),)) >> "queued" >> [Release("r/1")]


def test_what_arrives_while_the_run_asks_does_not_admit_it() -> None:
    given(queued(slot=Slot("agent"))) << Delivered((arrival("signal", "go"),)) >> "queued" >> []
