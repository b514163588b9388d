"""The order of loading, as laws that hold for every set of plugins."""

from graphlib import CycleError
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.plugins.loading.ordering import cycles, order

NAMES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=8)


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    """A graph in which each name needs only such as come earlier in some hidden order."""
    names = draw(st.permutations("abcdefgh"))
    return {name: draw(st.lists(st.sampled_from(names[:place]), max_size=3)) if place else [] for place, name in enumerate(names)}


@pytest.mark.long
@given(acyclic())
def test_each_comes_after_what_it_needs(graph: dict[str, list[str]]) -> None:
    names = order(graph)
    assert sorted(names) == sorted(graph)
    assert all(names.index(needed) < names.index(name) for name, before in graph.items() for needed in before)


@pytest.mark.long
@given(acyclic(), st.randoms())
def test_the_order_does_not_depend_on_how_the_graph_is_written(graph: dict[str, list[str]], random: object) -> None:
    items = [(name, random.sample(before, len(before))) for name, before in graph.items()]  # type: ignore[attr-defined]
    random.shuffle(items)  # type: ignore[attr-defined]
    assert order(dict(items)) == order(graph)


@pytest.mark.long
@given(acyclic())
def test_wherever_several_could_be_next_the_first_in_the_alphabet_is(graph: dict[str, list[str]]) -> None:
    names = order(graph)
    for place, name in enumerate(names):
        ready = [other for other in names[place:] if set(graph[other]) <= set(names[:place])]
        assert name == min(ready)


def test_what_is_not_among_the_plugins_does_not_count() -> None:
    assert order({"b": ["absent"], "a": ["b"]}) == ["b", "a"]


@given(GRAPHS)
def test_without_the_names_in_circles_there_is_always_an_order(graph: dict[str, list[str]]) -> None:
    in_circles = {name for circle in cycles(graph) for name in circle}
    rest = {name: before for name, before in graph.items() if name not in in_circles}
    assert sorted(order(rest)) == sorted(rest)


@pytest.mark.long
@given(GRAPHS)
def test_a_circle_is_a_path_of_needs_that_ends_where_it_begins(graph: dict[str, list[str]]) -> None:
    for circle in cycles(graph):
        assert circle[0] == circle[-1] == min(circle)
        assert all(needed in graph[name] for name, needed in pairwise(circle))


def test_a_circle_has_no_order() -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["a"], "d": []}
    with pytest.raises(CycleError):
        order(graph)
    assert list(cycles(graph)) == [["a", "b", "c", "a"]]


def test_one_that_needs_itself_is_a_circle() -> None:
    assert list(cycles({"a": ["a"]})) == [["a", "a"]]
