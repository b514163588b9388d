"""Runs that wait move to another version of their workflow: what becomes of each is told first, and exactly that happens."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person
from aasim_plugins.executions.hookspecs import ToolError

from ...executions.passing_time import make_due
from ..conftest import WAIT, Bench, edge, let_time_pass, node, outcomes, read, tool
from ..test_compensation import undo


@pytest.mark.long
def test_a_run_that_waits_goes_on_in_the_version_that_it_moved_to(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT, tool("b", "b")], "a>paid", "paid>b")
    bench.change([tool("a", "a"), WAIT, tool("c", "c"), tool("b", "b")], "a>paid", "paid>c", "c>b")
    assert bench.verdict() == ("moves", None, None)
    told = bench.signal(run)
    assert (told["execution"]["status"], told["execution"]["workflow_version"]) == ("succeeded", 2)
    assert [name for name, _ in shed.calls] == ["a", "c", "b"]


@pytest.mark.long
def test_the_log_and_an_event_say_who_moved_it_from_where_to_where(bench: Bench, owner: Person) -> None:
    [run] = bench.begin([WAIT])
    bench.change([WAIT, node("then")], "paid>then")
    bench.move()
    [line] = [each for each in owner.client.get(f"/executions/{run}/logs").data["entries"] if each["event"] == "moved"]
    assert line["data"] == {"from_version": 1, "to_version": 2, "by": owner.user_id}
    assert line["message"].endswith("moved the run from version 1 to version 2.")
    [event] = owner.client.get(f"/activities?subject_id={run}&action=executions.moved").data["items"]
    assert (event["actor"]["id"], event["changes"]) == (owner.user_id, {"workflow_version": [1, 2]})


def test_a_run_that_is_there_already_stays(bench: Bench) -> None:
    bench.begin([WAIT])
    assert bench.verdict(1) == ("stays", "there", None)


def test_what_has_begun_holds_the_run_and_is_named(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a", n=1), WAIT], "a>paid")
    bench.change([tool("a", "a", n=2), WAIT], "a>paid")
    assert bench.verdict() == ("cannot", "changed", "a")
    [told] = bench.ask(dry_run=True).data["executions"]
    assert told["explanation"] == "a has begun, and does something else in version 2."
    assert bench.signal(run)["execution"]["workflow_version"] == 1


@pytest.mark.long
def test_the_value_of_a_variable_that_was_used_holds_the_run(bench: Bench, shed: Any) -> None:
    used = tool("a", "a", n="{{ vars.limit }}")
    bench.begin([used, WAIT], "a>paid", variables={"limit": 1, "other": 1})
    bench.change([used, WAIT], "a>paid", variables={"limit": 1, "other": 2})
    bench.change([used, WAIT], "a>paid", variables={"limit": 2, "other": 2})
    assert bench.verdict(3) == ("cannot", "changed", "a")
    assert bench.verdict(2) == ("moves", None, None)


@pytest.mark.long
def test_how_nodes_are_called_tried_again_and_undone_may_change(bench: Bench, shed: Any) -> None:
    bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change(
        [tool("a", "a", _name="First", _retry={"max_attempts": 3}, _timeout_seconds=9, _compensate=undo("x")), WAIT], "a>paid"
    )
    assert bench.verdict() == ("moves", None, None)


@pytest.mark.long
def test_a_node_goes_on_under_the_name_that_continues_it(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a", n=1), WAIT, tool("b", "b", n="{{ nodes.a.output.n }}")], "a>paid", "paid>b")
    renamed = [
        tool("first", "a", n=1, _was="a"),
        {**WAIT, "id": "money", "was": "paid"},
        tool("b", "b", n="{{ nodes.first.output.n + 1 }}"),
    ]
    bench.change(renamed, "first>money", "money>b")
    assert bench.verdict() == ("moves", None, None)
    told = bench.signal(run)
    assert outcomes(told) == {"first": "done", "money": "done", "b": "done"}
    assert told["execution"]["output"] == {"n": 2}


@pytest.mark.long
def test_names_may_be_exchanged(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), tool("b", "b"), WAIT], "a>b", "b>paid")
    bench.change([tool("b", "a", _was="a"), tool("a", "b", _was="b"), WAIT], "b>a", "a>paid")
    assert bench.verdict() == ("moves", None, None)
    assert [(each["path"], each["output"]) for each in bench.signal(run)["nodes"]][:2] == [("b", {}), ("a", {})]


@pytest.mark.long
def test_a_node_that_is_gone_is_named_with_what_to_write(bench: Bench, shed: Any) -> None:
    bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([WAIT])
    assert bench.verdict() == ("cannot", "gone", "a")
    [told] = bench.ask(dry_run=True).data["executions"]
    assert told["explanation"].endswith("give the node that continues it the field was, with the value a.")


@pytest.mark.long
def test_names_are_followed_over_the_versions_between(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([tool("b", "a", _was="a"), WAIT], "b>paid")
    bench.change([tool("c", "a", _was="b"), WAIT], "c>paid")
    assert bench.verdict(3) == ("moves", None, None)
    assert outcomes(read(bench.owner, run))["c"] == "done"


@pytest.mark.long
def test_a_run_goes_back_to_an_earlier_version_under_the_former_names(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([tool("b", "a", _was="a"), WAIT, node("then")], "b>paid", "paid>then")
    assert bench.verdict(2) == ("moves", None, None)
    assert bench.verdict(1) == ("moves", None, None)
    assert outcomes(bench.signal(run)) == {"a": "done", "paid": "done"}


@pytest.mark.long
def test_a_new_branch_begins_at_once(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    bench.change([tool("a", "a"), WAIT, tool("n", "n")], "a>paid", "a>n")
    assert bench.verdict() == ("moves", None, None)
    assert read(bench.owner, run)["execution"]["status"] == "waiting"
    assert [name for name, _ in shed.calls] == ["a", "n"]


@pytest.mark.long
def test_what_was_skipped_and_is_wanted_now_begins_at_once(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT, tool("s", "s")], "a>paid", "a>s:error")
    bench.change([tool("a", "a"), WAIT, tool("s", "s")], "a>paid", "a>s")
    bench.move()
    assert outcomes(read(bench.owner, run)) == {"a": "done", "paid": None, "s": "done"}


@pytest.mark.long
def test_items_of_a_loop_move_with_their_paths(bench: Bench, shed: Any) -> None:
    def body(*after: dict[str, Any], id_: str = "got") -> dict[str, Any]:
        nodes = [tool(id_, "got", n="{{ item }}"), node("ok", "wait", signal={"name": "ok"}), *after]
        ways = [f"{id_}>ok", *(f"ok>{each['id']}" for each in after)]
        return {"nodes": nodes, "edges": [edge(way) for way in ways]}

    def loop(id_: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        return node(id_, "foreach", items="input", body=body, concurrency=2, **more)

    [run] = bench.begin([loop("each", body())], given=[1, 2, 3])
    put = body(tool("put", "put", n="{{ nodes.had.output.n }}"), id_="had")
    put["nodes"][0]["was"] = "got"
    bench.change([loop("all", put, _was="each")])
    assert bench.verdict() == ("moves", None, None)
    for _ in range(3):
        told = bench.signal(run, "ok")
    assert told["execution"]["status"] == "succeeded", told
    assert [(name, arguments["n"]) for name, arguments in shed.calls if name == "put"] == [("put", 1), ("put", 2), ("put", 3)]


@pytest.mark.long
def test_a_node_that_failed_and_waits_to_be_tried_again_keeps_its_key(bench: Bench, app: App, shed: Any) -> None:
    def fail(use: Any) -> Any:
        raise ToolError("Not yet.")

    shed.does["send"] = fail
    send = tool("send", "send", _retry={"max_attempts": 2, "base_seconds": 60})
    [run] = bench.begin([send])
    bench.change([{**send, "id": "post", "was": "send"}])
    assert bench.verdict() == ("moves", None, None)
    del shed.does["send"]
    let_time_pass(bench.owner, run)
    make_due(app)
    bench.work()
    assert outcomes(read(bench.owner, run)) == {"post": "done"}
    assert len({use.idempotency_key for use in shed.used}) == 1


@pytest.mark.long
def test_a_child_that_is_at_work_ends_its_node_under_the_new_name(bench: Bench, make: Any) -> None:
    inner = make([WAIT])
    [run] = bench.begin([node("sub", "sub_workflow", workflow_id=inner["id"])])
    bench.change([node("inner", "sub_workflow", workflow_id=inner["id"], _was="sub")])
    assert bench.verdict() == ("moves", None, None)
    [child] = bench.owner.client.get(f"/executions?parent_id={run}").data["items"]
    bench.signal(child["id"])
    assert outcomes(read(bench.owner, run)) == {"inner": "done"}


def test_an_input_that_the_version_does_not_take_holds_the_run(bench: Bench) -> None:
    bench.begin([WAIT], given={"n": 1})
    bench.change([WAIT], input_schema={"type": "object", "required": ["m"]})
    assert bench.verdict() == ("cannot", "input", None)


def test_a_run_that_is_paused_moves_and_goes_on_when_it_is_resumed(bench: Bench, shed: Any) -> None:
    [run] = bench.begin([tool("a", "a"), WAIT], "a>paid")
    assert bench.owner.client.post(f"/executions/{run}/pause").status == 200
    bench.change([tool("a", "a"), WAIT, tool("n", "n")], "a>paid", "a>n")
    assert bench.verdict() == ("moves", None, None)
    assert [name for name, _ in shed.calls] == ["a"]
    bench.owner.client.post(f"/executions/{run}/resume")
    bench.work()
    assert [name for name, _ in shed.calls] == ["a", "n"]


@pytest.mark.long
def test_a_run_that_has_not_begun_begins_in_the_version_that_it_moved_to(bench: Bench, shed: Any) -> None:
    first, second = bench.begin([tool("a", "a"), WAIT], "a>paid", runs=2, concurrency={"limit": 1})
    assert read(bench.owner, second)["execution"]["waiting_for"] == "admission"
    bench.change([tool("b", "b")], concurrency={"limit": 1})
    bench.move(execution_ids=[second])
    bench.signal(first)
    assert outcomes(read(bench.owner, second)) == {"b": "done"}
