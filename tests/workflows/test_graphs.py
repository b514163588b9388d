"""How graphs run: which nodes start, what they give, and where the run ends."""

from typing import Any

import pytest

from aasim_core.testing.world import Person

from .conftest import node, outcomes, tool


def test_a_chain_passes_values_on(run: Any) -> None:
    told = run(
        [node("greet", value="Hello, {{ input.name }}"), node("shout", value="{{ nodes.greet.output }}!")],
        "greet>shout",
        given={"name": "Ada"},
    )
    assert (told["execution"]["status"], told["execution"]["output"]) == ("succeeded", "Hello, Ada!")


def test_a_condition_takes_one_way_and_skips_the_other(run: Any) -> None:
    told = run(
        [node("large", "condition", when="input > 10"), node("yes"), node("no"), node("after")],
        "large>yes:true", "large>no:false", "yes>after", "no>after", given=11,
    )  # fmt: skip
    assert outcomes(told) == {"large": "true", "yes": "done", "no": "skipped", "after": "done"}


def test_a_switch_takes_the_way_of_the_first_case_that_holds(run: Any) -> None:
    cases = [{"name": "small", "when": "input < 10"}, {"name": "even", "when": "input % 2 == 0"}]
    told = run([node("which", "switch", cases=cases), node("a"), node("b")], "which>a:small", "which>b:even", given=4)
    assert outcomes(told) == {"which": "small", "a": "done", "b": "skipped"}


def test_tools_are_called_with_their_arguments(run: Any, shed: Any) -> None:
    told = run([tool("pay", "till", amount="{{ input.amount * 2 }}")], given={"amount": 21})
    assert (told["execution"]["output"], shed.calls) == ({"amount": 42}, [("till", {"amount": 42})])


@pytest.mark.long
def test_branches_run_and_meet(run: Any, shed: Any) -> None:
    told = run(
        [node("start", "parallel"), tool("a", "left", n=1), tool("b", "right", n=2), node("meet", "join", mode="all")],
        "start>a", "start>b", "a>meet", "b>meet",
    )  # fmt: skip
    assert told["execution"]["output"] == {"a": {"n": 1}, "b": {"n": 2}}
    assert sorted(name for name, _ in shed.calls) == ["left", "right"]


@pytest.mark.long
def test_a_loop_gives_what_comes_of_its_items_in_their_order(run: Any, shed: Any) -> None:
    body = {"nodes": [tool("double", "till", n="{{ item * 2 }}")], "output": "{{ nodes.double.output.n }}"}
    told = run([node("each", "foreach", items="input", body=body, concurrency=2)], given=[1, 2, 3, 4, 5])
    assert told["execution"]["output"] == [2, 4, 6, 8, 10]
    assert len(shed.used) == 5


@pytest.mark.long
def test_the_nodes_in_a_loop_are_listed(owner: Person, run: Any) -> None:
    body = {"nodes": [node("double", value="{{ item * 2 }}")]}
    told = run([node("each", "foreach", items="input", body=body, concurrency=2)], given=[1, 2, 3])
    path = f"/workflows/executions/{told['execution']['id']}/nodes"
    nodes = owner.client.get(path).data["nodes"]
    assert [(each["path"], each["output"]) for each in nodes] == [
        ("each", [2, 4, 6]), ("each[0].double", 2), ("each[1].double", 4), ("each[2].double", 6),
    ]  # fmt: skip
    first = owner.client.get(f"{path}?limit=2").data
    assert [each["number"] for each in owner.client.get(f"{path}?after={first['last_number']}").data["nodes"]] == [3, 4]
    assert [each["output"] for each in owner.client.get(f"{path}?scope=each[1]").data["nodes"]] == [4]


def test_a_loop_goes_on_as_long_as_its_condition_holds(run: Any) -> None:
    body = {"nodes": [node("next", value="{{ index + 1 }}")]}
    told = run([node("count", "while", when="item == null || item < input", body=body, max_iterations=9)], given=4)
    assert told["execution"]["output"] == 4


def test_an_error_that_no_edge_takes_fails_the_run(run: Any) -> None:
    told = run([node("bad", value="{{ input.absent }}"), node("after")], "bad>after", given={})
    execution = told["execution"]
    assert (execution["status"], execution["error"]["code"], execution["error"]["meta"]) == (
        "failed", "expression_failed", {"path": "bad"},
    )  # fmt: skip
    assert outcomes(told) == {"bad": "error"}


def test_an_edge_can_take_an_error(run: Any) -> None:
    told = run(
        [node("bad", value="{{ input.absent }}"), node("sorry", value="{{ nodes.bad.error.code }}")], "bad>sorry:error", given={}
    )
    assert (told["execution"]["status"], told["execution"]["output"]) == ("succeeded", "expression_failed")


def test_a_transform_and_the_items_of_a_loop_go_through_lists(run: Any) -> None:
    rows = [{"id": 1, "paid": True}, {"id": 2, "paid": False}, {"id": 3, "paid": True}]
    body = {"nodes": [node("row", value="{{ item.id * 10 }}")]}
    told = run(
        [
            node("each", "foreach", items="input.filter(row, row.paid)", body=body),
            node("ids", value="{{ nodes.each.output.map(n, {'n': n}) }}"),
        ],
        "each>ids", given=rows,
    )  # fmt: skip
    assert told["execution"]["output"] == [{"n": 10}, {"n": 30}]


def test_a_list_that_is_too_long_to_go_through_is_an_error_of_the_node(run: Any) -> None:
    told = run([node("ids", value="{{ input.map(n, n) }}")], given=[1] * 2_100)
    assert (told["execution"]["error"]["code"], outcomes(told)) == ("expression_failed", {"ids": "error"})
