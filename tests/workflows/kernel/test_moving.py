"""Whether a run can go on in another graph: it moves where it could have come to where it is there, too."""

from typing import Any

from aasim_plugins.workflows.kernel.flow import Begin, Cancel, Collected, Ended, Expanded, Finish, Perform, Resumed, Started
from aasim_plugins.workflows.kernel.graph import Edge, Graph, Node
from aasim_plugins.workflows.kernel.moving import Cannot, Difference, Moves, move, renamed, with_names

from .playbook import Playbook, done, error, foreach, given, graph, join

_CHAIN = graph("a b c", "a>b", "b>c")


def waiting_at_b() -> Playbook:
    """Of a chain, a is done, and b waits."""
    return given(_CHAIN) << Begin() << done("a", 0) << Started("b")


def moved(book: Playbook, to: Graph, **differs: frozenset[str]) -> Playbook:
    """The run in the other graph."""
    found = move(book.flow, to, Difference(**differs))
    assert isinstance(found, Moves)
    return Playbook(found.flow)


def verdict(book: Playbook, to: Graph, **differs: Any) -> Any:
    """What is in the way, or whether something begins at once."""
    found = move(book.flow, to, Difference(**{name: frozenset(ids) for name, ids in differs.items()}))
    return found if isinstance(found, Cannot) else found.begins


def conditional(*conditions: str | None) -> Graph:
    """Ways from a to x0, x1, …, each with its condition, and w beside them."""
    nodes = [*(f"x{n}" for n in range(len(conditions))), "a", "w"]
    edges = tuple(Edge("a", f"x{n}", "done", condition) for n, condition in enumerate(conditions))
    return Graph({id_: Node(id_) for id_ in nodes}, edges)


def test_what_comes_later_may_change_and_the_run_goes_on_there() -> None:
    to = graph("a b d e", "a>b", "b>d", "d>e")
    assert verdict(waiting_at_b(), to) is False
    moved(waiting_at_b(), to) << Resumed() >> [] << done("b", 1) >> [Perform("d")]


def test_a_run_that_has_not_begun_moves() -> None:
    assert verdict(given(_CHAIN), graph("x")) is True


def test_edges_keep_what_was_taken_whatever_their_numbers() -> None:
    book = moved(waiting_at_b(), graph("a b c", "b>c", "a>b"))
    assert book.flow.instances["a"].taken == (1,)
    book << done("b", 0) >> [Perform("c")] << done("c") >> [Finish()]


def test_what_has_begun_must_be_there() -> None:
    assert verdict(waiting_at_b(), graph("b c", "b>c")) == Cannot("a", "gone")


def test_what_has_begun_must_do_the_same() -> None:
    assert verdict(waiting_at_b(), _CHAIN, work=["b"]) == Cannot("b", "changed")
    assert verdict(waiting_at_b(), _CHAIN, work=["c"]) is False


def test_how_errors_are_treated_matters_where_there_was_one() -> None:
    ways = graph("a b c", "a>b:error", "b>c")
    book = given(ways) << Begin() << error("a", 0) << Started("b")
    assert verdict(book, ways, errors=["a"]) == Cannot("a", "changed")
    assert verdict(waiting_at_b(), _CHAIN, errors=["a"]) is False


def test_a_new_node_before_what_has_begun_is_in_the_way() -> None:
    assert verdict(waiting_at_b(), graph("a b c n", "a>n", "n>b", "b>c")) == Cannot("b", "way")
    assert verdict(waiting_at_b(), graph("a b c n", "a>b", "n>b", "b>c")) == Cannot("b", "way")


def test_what_leads_to_what_has_begun_may_be_fewer() -> None:
    book = given(graph("a z b", "a>b", "z>b")) << Begin() << done("a", 0) << done("z", 1) << Started("b")
    assert verdict(book, graph("a z b", "a>b")) is False


def test_a_new_branch_begins_at_once() -> None:
    to = graph("a b c n", "a>b", "b>c", "a>n")
    assert verdict(waiting_at_b(), to) is True
    moved(waiting_at_b(), to) << Resumed() >> [Perform("n")] << done("n") >> [] << done("b", 1) >> [Perform("c")]


def test_a_node_that_is_ready_has_done_nothing() -> None:
    book = given(_CHAIN) << Begin()
    assert verdict(book, _CHAIN, work=["a"]) is False
    assert verdict(book, graph("b", "b>c")) is True
    assert list(moved(book, graph("b")).flow.instances) == []


def test_what_was_skipped_is_decided_anew() -> None:
    book = given(graph("a b s t", "a>b", "a>s:never", "s>t")) << Begin() << done("a", 0) << Started("b")
    same = moved(book, graph("a b s t", "a>b", "a>s:other", "s>t"))
    assert same.flow.instances == book.flow.instances
    assert list(moved(book, graph("a b", "a>b")).flow.instances) == ["a", "b"]
    to = graph("a b s t", "a>b", "a>s", "s>t")
    assert verdict(book, to) is True
    moved(book, to) << Resumed() >> [Perform("s")] << done("s", 2) >> [Perform("t")]


def test_what_is_skipped_now_and_was_not_there_before_is_made_later() -> None:
    to = graph("a b c n", "a>b", "b>c", "a>n:never")
    assert verdict(waiting_at_b(), to) is False
    assert (moved(waiting_at_b(), to) << Resumed() >> []).flow.instances["n"].outcome == "skipped"


def test_a_condition_that_held_holds_for_new_ways_too() -> None:
    book = given(conditional("p", "q")) << Begin() << done("a", 0) << Started("w") << Started("x0")
    assert moved(book, conditional("p", "q", "p")).flow.instances["a"].taken == (0, 2)
    assert moved(book, conditional("p", "q", "q")).flow.instances["a"].taken == (0,)


def test_a_condition_that_nobody_has_looked_at_is_in_the_way() -> None:
    book = given(conditional("p")) << Begin() << done("a", 0) << Started("w")
    assert verdict(book, conditional("p", "r")) == Cannot("a", "condition")
    assert verdict(book, conditional("p"), conditions=["p"]) == Cannot("a", "condition")


def test_a_condition_of_another_outcome_does_not_matter() -> None:
    to = Graph({id_: Node(id_) for id_ in "abc"}, (*_CHAIN.edges, Edge("a", "c", "error", "new")))
    assert verdict(waiting_at_b(), to) is False


def test_an_error_must_still_be_taken() -> None:
    book = given(graph("a b w", "a>b:error")) << Begin() << error("a", 0) << Started("b") << Started("w")
    assert verdict(book, graph("a b w", "a>b")) == Cannot("a", "error")


def test_a_run_that_fails_comes_to_its_end_where_it_is() -> None:
    book = given(graph("a b")) << Begin() << Started("a") << Started("b") << error("a")
    assert verdict(book, graph("a b")) == Cannot("a", "ending")


def test_a_join_that_cancelled_must_cancel_the_same() -> None:
    nodes = {"j": join("j", "any", cancels_rest=True)}
    book = given(graph("a b j k", "a>j", "b>j", "j>k", **nodes)) << Begin() << Started("b") << done("a", 0)
    book >> [Cancel("b"), Perform("j")] << done("j", 2) << Started("k")
    assert verdict(book, graph("a b j k l", "a>j", "b>j", "j>k", "k>l", **nodes)) is False
    assert verdict(book, graph("a b j k", "a>j", "b>j", "j>k", "b>k", **nodes)) == Cannot("j", "cancels")


def looping(body: Graph) -> Graph:
    """A loop, and what comes after it."""
    return graph("l z", "l>z", l=foreach("l", body, 2))


_BODY = graph("x y", "x>y")


def test_in_a_loop_of_which_no_item_is_over_the_body_may_change() -> None:
    book = given(looping(_BODY)) << Begin() << Expanded("l", 2) << Started("l[0].x") << Started("l[1].x")
    book = moved(book, looping(graph("x n", "x>n")), body=frozenset("l"))
    book << done("l[0].x", 0) >> [Perform("l[0].n")]


def test_an_item_that_is_over_holds_the_body() -> None:
    book = given(looping(graph("x"))) << Begin() << Expanded("l", 2) << Started("l[1].x") << done("l[0].x")
    to = looping(_BODY)
    assert verdict(book, to, body="l") is True
    book << Started("l[0].x")
    book << Collected("l[0]")
    assert verdict(book, to, body="l") == Cannot("l", "body")
    assert verdict(book, looping(graph("x")), work=["z"]) is False


def test_the_body_of_a_loop_that_is_over_is_held_too_unless_it_never_ran() -> None:
    ran = given(looping(graph("x"))) << Begin() << Expanded("l", 1)
    ran << done("l[0].x") << Collected("l[0]") << done("l", 0) << Started("z")
    assert verdict(ran, looping(_BODY), body="l") == Cannot("l", "body")
    idle = given(looping(graph("x"))) << Begin() << Expanded("l", 0) << done("l", 0) << Started("z")
    assert verdict(idle, looping(_BODY), body="l") is False


def test_in_a_body_the_node_in_the_way_is_named_with_its_item() -> None:
    book = given(looping(_BODY)) << Begin() << Expanded("l", 1) << done("l[0].x", 0) << Started("l[0].y")
    assert verdict(book, looping(graph("x n y", "x>n", "n>y")), body="l") == Cannot("l[0].y", "way")


def test_an_item_of_which_nothing_would_be_left_holds_the_body() -> None:
    book = given(looping(graph("x"))) << Begin() << Expanded("l", 1)
    assert verdict(book, looping(graph("n")), body="l") == Cannot("l", "body")


def test_paths_are_told_by_the_new_names_of_their_nodes() -> None:
    names = {"load": "fetch", "parse": "load"}
    assert renamed("load[17].parse#2.x", names) == "fetch[17].load#2.x"
    assert renamed("", names) == ""


def test_a_flow_goes_on_under_other_names() -> None:
    book = given(looping(_BODY)) << Begin() << Expanded("l", 2) << Ended("l[0].x", "error")
    names = {"l": "each", "x": "first"}
    to = graph("each z", "each>z", each=foreach("each", graph("first y", "first>y"), 2))
    flow = with_names(book.flow, to, names)
    assert sorted(flow.instances) == ["each", "each[0].first", "each[1].first"]
    assert flow.scopes_in("each") == {"each[0]", "each[1]"}
