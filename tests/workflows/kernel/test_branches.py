"""Which nodes start: once each, when it is known that they do; where nothing leads to them, they are skipped."""

from aasim_plugins.workflows.kernel.flow import Begin, Cancel, Ended, Finish, Perform, Resumed, Retried, Started
from aasim_plugins.workflows.kernel.graph import Node

from .playbook import done, error, given, graph, join


def test_a_chain_goes_on_node_by_node() -> None:
    (
        given(graph("a b", "a>b"))
        << Begin() >> [Perform("a")]
        << Started("a") >> []
        << done("a", 0) >> [Perform("b")]
        << done("b") >> [Finish()]
    )  # fmt: skip


def test_branches_start_together_and_meet_once() -> None:
    (
        given(graph("a b c d", "a>b", "a>c", "b>d", "c>d"))
        << Begin() >> [Perform("a")]
        << done("a", 0, 1) >> [Perform("b"), Perform("c")]
        << done("c", 3) >> []
        << done("b", 2) >> [Perform("d")]
        << done("b", 2) >> []
        << done("d") >> [Finish()]
    )  # fmt: skip


def test_a_way_that_is_not_taken_is_skipped_to_its_end() -> None:
    book = given(graph("a b c d", "a>b:true", "a>c:false", "b>d", "c>d")) << Begin() >> [Perform("a")]
    book << Ended("a", "true", (0,)) >> [Perform("b")] << done("b", 2) >> [Perform("d")]
    assert book.flow.instances["c"].outcome == "skipped"


def test_a_node_to_which_nothing_leads_is_skipped_and_the_run_ends() -> None:
    book = given(graph("a b c", "a>b:never", "b>c")) << Begin() >> [Perform("a")] << done("a") >> [Finish()]
    assert [each.outcome for each in book.flow.instances.values()] == ["done", "skipped", "skipped"]


def test_what_happens_to_a_node_that_is_unknown_or_over_changes_nothing() -> None:
    book = given(graph("a")) << Begin() >> [Perform("a")] << done("a") >> [Finish()]
    before = book.flow
    book << done("b") >> [] << Started("a") >> [] << Retried("a") >> [] << error("a") >> []
    assert book.flow is before


def test_another_attempt_is_counted() -> None:
    book = given(graph("a")) << Begin() >> [Perform("a")] << Retried("a") >> []
    assert book.flow.instances["a"].attempt == 2


def test_an_error_that_is_taken_leads_on() -> None:
    given(graph("a b", "a>b:error")) << Begin() >> [Perform("a")] << error("a", 0) >> [Perform("b")] << done("b") >> [Finish()]


def test_after_an_error_nothing_begins_and_what_is_at_work_is_waited_for() -> None:
    (
        given(graph("a b c d", "a>b", "a>c", "c>d"))
        << Begin() >> [Perform("a")]
        << done("a", 0, 1) >> [Perform("b"), Perform("c")]
        << Started("b") >> []
        << Started("c") >> []
        << error("b") >> []
        << done("c", 2) >> [Finish("b")]
    )  # fmt: skip


def test_after_an_error_what_only_waits_or_has_not_begun_is_cancelled() -> None:
    (
        given(graph("a b c", b=Node("b", waits=True)))
        << Begin() >> [Perform("a"), Perform("b"), Perform("c")]
        << Started("b") >> []
        << error("a") >> [Cancel("b"), Cancel("c"), Finish("a")]
    )  # fmt: skip


def test_the_first_of_two_errors_is_the_cause() -> None:
    book = given(graph("a b")) << Begin() >> [Perform("a"), Perform("b")] << Started("a") >> [] << Started("b") >> []
    book << error("b") >> [] << error("a") >> [Finish("b")]


def test_a_node_that_ends_the_run_ends_it() -> None:
    (
        given(graph("a b c", "a>b", b=Node("b", ends=True), c=Node("c", waits=True)))
        << Begin() >> [Perform("a"), Perform("c")]
        << Started("c") >> []
        << done("a", 0) >> [Perform("b")]
        << done("b") >> [Cancel("c"), Finish("b")]
    )  # fmt: skip


def test_an_end_that_is_skipped_does_not_end_the_run() -> None:
    (
        given(graph("a b c", "a>b:never", "a>c", b=Node("b", ends=True)))
        << Begin() >> [Perform("a")]
        << done("a", 1) >> [Perform("c")]
        << done("c") >> [Finish()]
    )  # fmt: skip


def test_a_join_for_any_starts_with_the_first_and_does_not_start_again() -> None:
    (
        given(graph("a b j", "a>j", "b>j", j=join("j", "any")))
        << Begin() >> [Perform("a"), Perform("b")]
        << done("b", 1) >> [Perform("j")]
        << done("j") >> []
        << done("a", 0) >> [Finish()]
    )  # fmt: skip


def test_a_join_for_some_starts_when_they_have_arrived() -> None:
    (
        given(graph("a b c j", "a>j", "b>j", "c>j", j=join("j", "n", 2)))
        << Begin() >> [Perform("a"), Perform("b"), Perform("c")]
        << done("a", 0) >> []
        << done("b", 1) >> [Perform("j")]
    )  # fmt: skip


def test_a_join_starts_at_once_when_too_few_can_arrive_and_says_so_itself() -> None:
    (
        given(graph("a b c j", "a>j", "b>j", "c>j", j=join("j", "n", 3)))
        << Begin() >> [Perform("a"), Perform("b"), Perform("c")]
        << done("a", 0) >> []
        << Ended("b", "skipped") >> [Perform("j")]
    )  # fmt: skip


def test_a_join_cancels_what_leads_to_nothing_else() -> None:
    (
        given(graph("a b c d e j", "a>j", "b>c", "c>j", "d>j", "d>e", j=join("j", "any", cancels_rest=True)))
        << Begin() >> [Perform("a"), Perform("b"), Perform("d")]
        << done("a", 0) >> [Cancel("b"), Perform("j")]
        << done("j") >> []
        << done("d", 3, 4) >> [Perform("e")]
        << done("e") >> [Finish()]
    )  # fmt: skip


def test_somebody_else_does_what_was_to_be_done() -> None:
    book = given(graph("a b c", "a>b")) << Begin() >> [Perform("a"), Perform("c")] << Started("c") >> []
    book << Resumed() >> [Perform("a")]
    book << done("a", 0) >> [Perform("b")] << done("b") >> [] << done("c") >> [Finish()] << Resumed() >> [Finish()]
