"""What a rerun repeats of a flow, and which decisions it asks for again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aasim_plugins.workflows.kernel import flow as f
from aasim_plugins.workflows.kernel.flow import Flow, Instance
from aasim_plugins.workflows.kernel.graph import Graph
from aasim_plugins.workflows.repeating import Part, repeated

from .kernel.playbook import foreach, graph, join, while_


def over(whole: Graph, *ended: str, **loops: Mapping[str, Any]) -> Flow:
    """A flow that is over: nodes by their paths, ``path`` or ``path:outcome``; what `loops` have besides."""
    flow = Flow(whole)
    for number, each in enumerate(ended, start=1):
        path, _, outcome = each.partition(":")
        scope, _, last = path.rpartition(".")
        id_ = last.partition("[")[0].partition("#")[0]
        edges = flow.graph_of(scope).edges
        taken = tuple(n for n, edge in enumerate(edges) if edge.source == id_ and edge.on == (outcome or "done"))
        instance = Instance(path, scope, id_, number, "ended", outcome or "done", taken, ended=number)
        flow = replace(flow, instances={**flow.instances, path: replace(instance, **loops.get(id_, {}))})
    return flow


def found(flow: Flow, *, effects: str = "", **part: Any) -> tuple[set[str], set[str]]:
    """The paths that there were of what is repeated, and what is asked for again."""
    sets = {name: set(ids.split()) if isinstance(ids, str) else ids for name, ids in part.items()}
    told = repeated(flow, Part(effects=set(effects.split()), **sets))
    return told.redone & flow.instances.keys(), set(told.asked)


def test_a_decision_before_an_effect_that_is_repeated_is_asked_for_again() -> None:
    flow = over(graph("ask pay", "ask>pay"), "ask", "pay")
    assert found(flow, named="pay", asked="ask", effects="pay") == ({"pay"}, {"ask"})
    assert found(flow, named="pay", asked="ask") == ({"pay"}, set())


def test_what_was_done_between_is_reused_and_what_computes_is_computed_again() -> None:
    flow = over(graph("ask book sum send", "ask>book", "book>sum", "sum>send"), "ask", "book", "sum", "send")
    assert found(flow, named="send", asked="ask", effects="book send", computed="sum") == ({"sum", "send"}, {"ask"})


def test_a_decision_beside_an_effect_is_reused() -> None:
    flow = over(graph("ask other pay", "ask>other"), "ask", "other", "pay")
    assert found(flow, named="pay", asked="ask", effects="pay other") == ({"pay"}, set())


def test_an_edit_beside_a_decision_asks_for_it_again() -> None:
    flow = over(graph("cents ask pay", "cents>pay", "ask>pay"), "cents", "ask", "pay")
    assert found(flow, edited="cents", asked="ask", effects="pay") == ({"pay"}, {"ask"})


def test_an_effect_that_did_not_begin_asks_again() -> None:
    flow = over(graph("ask sum pay", "ask>sum", "sum>pay"), "ask", "sum:error")
    assert found(flow, asked="ask", effects="pay", computed="sum") == ({"sum"}, {"ask"})


def test_a_node_whose_run_asked_is_repeated_with_what_follows() -> None:
    flow = over(graph("sub sum pay", "sub>sum", "sum>pay"), "sub", "sum", "pay")
    assert found(flow, named="pay", asked_below="sub", effects="pay sub") == ({"sub", "sum", "pay"}, set())


def test_a_decision_before_such_a_node_is_asked_for_again_too() -> None:
    flow = over(graph("ask sub pay", "ask>sub", "sub>pay"), "ask", "sub", "pay")
    assert found(flow, named="pay", asked="ask", asked_below="sub", effects="pay sub") == ({"sub", "pay"}, {"ask"})


def test_of_a_loop_only_the_decision_of_the_item_is_asked_for_again() -> None:
    body = graph("ask pay", "ask>pay")
    flow = over(
        graph("each", each=foreach("each", body)), "each", *(f"each[{n}].{id_}" for n in (0, 1) for id_ in ("ask", "pay"))
    )
    part: dict[str, Any] = {"asked": "each[0].ask each[1].ask", "effects": "pay"}
    assert found(flow, named="each[1].pay", **part) == ({"each[1].pay"}, {"each[1].ask"})


def test_decisions_in_a_loop_are_for_what_follows_it_and_those_before_it_for_what_is_in_it() -> None:
    whole = graph("ask each pay", "ask>each", "each>pay", each=foreach("each", graph("check")))
    flow = over(whole, "ask", "each", "each[0].check", "each[1].check", "pay")
    part: dict[str, Any] = {"asked": "ask each[0].check each[1].check", "effects": "pay"}
    assert found(flow, named="pay", **part) == ({"pay"}, {"ask", "each[0].check", "each[1].check"})
    assert found(flow, named="each[1].check", asked="ask", effects="check") == ({"each[1].check", "pay"}, {"ask"})


def test_a_decision_in_a_round_is_for_the_rounds_after_it() -> None:
    whole = graph("poll", poll=while_("poll", graph("ask pay", "ask>pay")))
    flow = over(whole, "poll", "poll.ask", "poll.pay", "poll#2.ask", "poll#2.pay")
    asked = {"poll.ask", "poll#2.ask"}
    assert found(flow, named="poll#2.pay", asked=asked, effects="pay") == ({"poll#2.pay"}, asked)


def test_in_another_version_all_decisions_are_asked_for_again() -> None:
    flow = over(graph("ask say", "ask>say"), "ask", "say")
    assert found(flow, asked="ask", asks_all=True) == ({"ask", "say"}, set())


def test_an_error_that_an_edge_took_is_reused() -> None:
    flow = over(graph("a b z", "a>b:error"), "a:error", "b", "z")
    assert found(flow, named="z") == ({"z"}, set())


def test_an_item_that_failed_in_a_loop_that_continues_is_reused_with_what_it_cancelled() -> None:
    loop = foreach("each", graph("check other"), skips_errors=True)
    flow = over(graph("each z", each=loop), "each", "each[0].check:error", "each[0].other:cancelled", "each[1].check", "z")
    assert found(flow, named="z") == ({"z"}, set())


def test_an_item_that_failed_in_a_loop_that_failed_is_repeated() -> None:
    flow = over(graph("each", each=foreach("each", graph("check"))), "each:error", "each[0].check", "each[1].check:error")
    assert found(flow) == ({"each[1].check"}, set())


def test_what_a_join_cancelled_is_reused_unless_the_join_is_repeated() -> None:
    whole = graph("a b j z", "a>j", "b>j", j=join("j", "any", cancels_rest=True))
    flow = over(whole, "a", "b:cancelled", "j", "z")
    assert found(flow, named="z") == ({"z"}, set())
    assert found(flow, named="a") == ({"a", "b", "j"}, set())


def test_what_the_end_of_the_run_cut_off_is_repeated() -> None:
    flow = over(graph("a b", "a>b"), "a")
    cut_off = Instance("b", f.RUN, "b", 2, "active")
    assert found(replace(flow, instances={**flow.instances, "b": cut_off})) == ({"b"}, set())
