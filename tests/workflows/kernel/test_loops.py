"""Loops: so many items at a time, one round after the other; what fails in them, and what becomes of them when the run fails."""

import pytest

from aasim_plugins.workflows.kernel.flow import (
    Begin,
    Cancel,
    Check,
    Checked,
    Collect,
    Collected,
    Expanded,
    Finish,
    Gather,
    Perform,
    Resumed,
    Started,
    loop_of,
)

from .playbook import Playbook, done, error, foreach, given, graph, while_

_BODY = graph("x y", "x>y")
_ONE = graph("x")


def opened(count: int, concurrency: int = 2, **options: bool) -> Playbook:
    """A loop over so many items has begun, beside a node that is at work."""
    book = given(graph("l z", l=foreach("l", _ONE, concurrency, **options))) << Begin() >> [Perform("l"), Perform("z")]
    return book << Started("z") >> [] << Expanded("l", count)


def test_a_loop_without_items_is_over_at_once() -> None:
    (
        given(graph("l", l=foreach("l", _ONE)))
        << Begin()
        >> [Perform("l")]
        << Expanded("l", 0)
        >> [Gather("l")]
        << done("l")
        >> [Finish()]
    )


def test_so_many_items_run_at_a_time_and_the_next_begins_when_one_is_kept() -> None:
    (
        opened(3) >> [Perform("l[0].x"), Perform("l[1].x")]
        << done("l[1].x") >> [Collect("l[1]")]
        << Collected("l[1]") >> [Perform("l[2].x")]
        << done("l[0].x") >> [Collect("l[0]")]
        << Collected("l[0]") >> []
        << done("l[2].x") >> [Collect("l[2]")]
        << Collected("l[2]") >> [Gather("l")]
        << Collected("l[2]") >> []
        << done("l") >> []
        << Expanded("l", 3) >> []
        << done("z") >> [Finish()]
    )  # fmt: skip


def test_the_nodes_of_a_body_follow_each_other() -> None:
    (
        given(graph("l", l=foreach("l", _BODY)))
        << Begin() >> [Perform("l")]
        << Expanded("l", 1) >> [Perform("l[0].x")]
        << done("l[0].x", 0) >> [Perform("l[0].y")]
        << done("l[0].y") >> [Collect("l[0]")]
        << Collected("l[0]") >> [Gather("l")]
    )  # fmt: skip


def test_what_ran_in_a_scope_is_forgotten_with_it() -> None:
    book = opened(2) << done("l[0].x") << Collected("l[0]")
    assert sorted(book.flow.instances) == ["l", "l[1].x", "z"]


def test_an_item_that_fails_ends_the_loop_when_the_others_at_work_are_over() -> None:
    (
        opened(3) >> [Perform("l[0].x"), Perform("l[1].x")]
        << Started("l[0].x") >> []
        << Started("l[1].x") >> []
        << error("l[0].x") >> [Collect("l[0]", "l[0].x")]
        << Collected("l[0]") >> []
        << done("l[1].x") >> [Collect("l[1]")]
        << Collected("l[1]") >> [Gather("l", "l[0].x")]
        << error("l") >> []
        << done("z") >> [Finish("l")]
    )  # fmt: skip


def test_items_that_fail_are_skipped_where_they_may() -> None:
    (
        opened(2, 1, skips_errors=True) >> [Perform("l[0].x")]
        << error("l[0].x") >> [Collect("l[0]", "l[0].x")]
        << Collected("l[0]") >> [Perform("l[1].x")]
        << done("l[1].x") >> [Collect("l[1]")]
        << Collected("l[1]", is_ok=False) >> [Gather("l")]
    )  # fmt: skip


def test_an_output_that_cannot_be_kept_fails_the_loop() -> None:
    opened(1) << done("l[0].x") >> [Collect("l[0]")] << Collected("l[0]", is_ok=False) >> [Gather("l", "l[0]")]


def test_no_item_begins_any_more_when_the_run_has_failed() -> None:
    (
        opened(3, 1) >> [Perform("l[0].x")]
        << Started("l[0].x") >> []
        << error("z") >> []
        << done("l[0].x") >> [Collect("l[0]")]
        << Collected("l[0]") >> [Cancel("l"), Finish("z")]
    )  # fmt: skip


def test_items_that_have_not_begun_are_cancelled_when_the_run_has_failed() -> None:
    opened(3, 1) >> [Perform("l[0].x")] << error("z") >> [Cancel("l[0].x"), Collect("l[0]")]


def test_rounds_follow_each_other_as_long_as_the_loop_goes_on() -> None:
    (
        given(graph("w", w=while_("w", _ONE)))
        << Begin() >> [Perform("w")]
        << Checked("w", again=True) >> [Perform("w.x")]
        << done("w.x") >> [Collect("w")]
        << Collected("w") >> [Check("w")]
        << Checked("w", again=True) >> [Perform("w#2.x")]
        << done("w#2.x") >> [Collect("w#2")]
        << Collected("w#2") >> [Check("w")]
        << Checked("w", again=False) >> [Gather("w")]
        << done("w") >> [Finish()]
        << Checked("w", again=True) >> []
    )  # fmt: skip


def test_a_round_that_fails_fails_the_loop() -> None:
    book = given(graph("w", w=while_("w", _ONE))) << Begin() >> [Perform("w")] << Checked("w", again=True) >> [Perform("w.x")]
    book << error("w.x") >> [Collect("w", "w.x")] << Collected("w") >> [Gather("w", "w.x")]


def test_loops_run_in_loops() -> None:
    inner = graph("m", m=foreach("m", _ONE))
    (
        given(graph("w", w=while_("w", inner)))
        << Begin() >> [Perform("w")]
        << Checked("w", again=True) >> [Perform("w.m")]
        << Expanded("w.m", 1) >> [Perform("w.m[0].x")]
        << done("w.m[0].x") >> [Collect("w.m[0]")]
        << Collected("w.m[0]") >> [Gather("w.m")]
        << done("w.m") >> [Collect("w")]
        << Collected("w") >> [Check("w")]
    )  # fmt: skip


def test_an_error_deep_inside_reaches_the_run() -> None:
    inner = graph("m", m=foreach("m", _ONE, 2))
    (
        given(graph("l", l=foreach("l", inner)))
        << Begin() >> [Perform("l")]
        << Expanded("l", 1) >> [Perform("l[0].m")]
        << Expanded("l[0].m", 2) >> [Perform("l[0].m[0].x"), Perform("l[0].m[1].x")]
        << error("l[0].m[0].x") >> [Collect("l[0].m[0]", "l[0].m[0].x")]
        << Collected("l[0].m[0]") >> [Cancel("l[0].m[1].x"), Collect("l[0].m[1]")]
        << Collected("l[0].m[1]") >> [Gather("l[0].m", "l[0].m[0].x")]
        << error("l[0].m") >> [Collect("l[0]", "l[0].m")]
        << Collected("l[0]") >> [Gather("l", "l[0].m")]
        << error("l") >> [Finish("l")]
    )  # fmt: skip


def test_a_loop_that_nothing_runs_in_goes_on_for_somebody_else() -> None:
    book = given(graph("w", w=while_("w", _ONE))) << Begin() >> [Perform("w")] << Checked("w", again=True) >> [Perform("w.x")]
    book << Resumed() >> [Perform("w.x")] << done("w.x") >> [Collect("w")] << Resumed() >> [Collect("w")]
    book << Collected("w") >> [Check("w")] << Resumed() >> [Perform("w")]


def test_the_loop_of_a_scope_is_known_by_its_path() -> None:
    assert [loop_of(scope) for scope in ("l[3]", "w#2", "w", "l[3].w#2", "w.m[0]")] == ["l", "w", "w", "l[3].w", "w.m"]


def test_a_node_that_repeats_nothing_is_no_loop() -> None:
    flow = (given(graph("a")) << Begin()).flow
    with pytest.raises(LookupError, match="a is no loop"):
        flow.loop(flow.instances["a"])
