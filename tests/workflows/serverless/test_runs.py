"""Documents of the Serverless Workflow DSL: their drafts run as the documents say."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person

from ..conftest import Import, Shed, Task, let_time_pass, read


@pytest.fixture
def ran(owner: Person, imported: Import, work: Callable[[], int], shed: Shed) -> Callable[..., dict[str, Any]]:
    """Imports tasks, in which ``call: x`` is a tool of the shed, and runs them with an input; returns the execution."""

    def ran(*tasks: Task, given: Any = None, calls: str = "", **document: Any) -> dict[str, Any]:
        told = imported(*tasks, mapping={name: f"shed:{name}" for name in calls.split()}, **document)
        assert told.status == 201, told.body
        workflow = owner.client.patch(f"/workflows/{told.data['workflow']['id']}", {"status": "active"})
        assert workflow.status == 200, (workflow.body, told.data["parts"], told.data["definition"])
        run = owner.client.post(f"/workflows/{told.data['workflow']['id']}/execute", {"input": given}).data
        work()
        return dict(read(owner, run["id"])["execution"])

    return ran


def test_a_text_with_braces_stands_for_itself(ran: Any) -> None:
    assert ran({"one": {"set": {"a": "{{ run.id }}", "b": "$ {x}"}}})["output"] == {"a": "{{ run.id }}", "b": "$ {x}"}


@pytest.mark.long
def test_data_are_filtered_and_exported_on_the_way(ran: Any) -> None:
    tasks = (
        {"one": {"input": {"from": {"n": "${ .order.n }"}}, "set": {"m": "${ .n + 1 }"}, "output": {"as": "{m, was: $input.n}"},
                 "export": {"as": "{seen: .m}"}}},
        {"two": {"set": {"context": "${ $context }", "input": "${ . }"}}},
    )  # fmt: skip
    given = {"data": {"order": {"n": 1}}}
    ended = ran(*tasks, given=given, input={"from": ".data"}, output={"as": "{result: .}"})
    assert ended["output"] == {"result": {"context": {"seen": 2}, "input": {"m": 2, "was": 1}}}


@pytest.mark.long
@pytest.mark.parametrize(("given", "output"), [({"n": 1}, {"n": 1}), ({"n": 3}, {"big": 3})])
def test_a_task_is_skipped_where_its_condition_does_not_hold(ran: Any, given: Any, output: Any) -> None:
    assert ran({"one": {"if": ".n > 2", "set": {"big": "${ .n }"}}}, given=given)["output"] == output


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "output"), [("a", {"was": {"first": 1}}), ("b", {"was": {"second": 1}}), ("c", {"was": {"kind": "c"}})]
)
def test_ways_that_meet_bring_the_data_of_the_one_that_was_taken(ran: Any, kind: str, output: Any) -> None:
    cases = [{"a": {"when": '.kind == "a"', "then": "first"}}, {"b": {"when": '.kind == "b"', "then": "second"}}]
    tasks = (
        {"choose": {"switch": cases, "then": "last"}}, {"first": {"set": {"first": 1}, "then": "last"}},
        {"second": {"set": {"second": 1}}}, {"last": {"set": {"was": "${ . }"}}},
    )  # fmt: skip
    assert ran(*tasks, given={"kind": kind})["output"] == output


@pytest.mark.long
@pytest.mark.parametrize(
    ("rows", "output"), [([], {"rows": []}), ([3, 4], {"sum": 7, "rows": [3, 4]}), ([3, 9, 5], {"sum": 12, "rows": [3, 9, 5]})]
)
def test_a_loop_gives_each_round_what_the_last_one_gave(ran: Any, rows: list[int], output: Any) -> None:
    body = [{"inner": {"for": {"in": "[1]"}, "do": [{"add": {"set": {"sum": "${ .sum + $row }", "rows": "${ .rows }"}}}]}}]
    loop = {"for": {"each": "row", "in": ".rows"}, "while": ".sum == null or .sum < 10", "do": body}
    assert ran({"loop": loop}, given={"rows": rows})["output"] == output


@pytest.mark.long
def test_branches_meet_in_a_list(ran: Any) -> None:
    branches = [{"a": {"set": "${ .n }"}}, {"b": {"do": [{"c": {"set": "${ .n + 1 }"}}, {"d": {"if": ". > 9", "set": "9"}}]}}]
    assert ran({"both": {"fork": {"branches": branches}}}, given={"n": 1})["output"] == [1, 2]


_CAUGHT = {"as": "err", "do": [{"tell": {"set": {"was": "${ $err.title }", "n": "${ .n }"}}}]}


@pytest.mark.long
def test_what_is_raised_is_caught_by_the_next_catch_that_takes_it(ran: Any) -> None:
    raised = {"raise": {"error": {"type": "https://x.y/errors/broken", "status": 409, "title": "Broken"}}}
    inner = {"try": [{"it": raised}], "catch": {"errors": {"with": {"status": 404}}, "do": [{"no": {"set": {"never": 1}}}]}}
    ended = ran({"outer": {"try": [{"inner": inner}, {"next": {"set": {"n": 0}}}], "catch": _CAUGHT}}, given={"n": 1})
    assert ended["output"] == {"was": "Broken", "n": 1}
    ended = ran({"inner": inner})
    assert (ended["status"], ended["error"]["message"].partition(": {")[0]) == ("failed", "it_end: Broken")


@pytest.mark.long
def test_a_call_that_fails_is_tried_again_and_then_caught(owner: Person, ran: Any, shed: Shed, work: Any) -> None:
    def fail(use: Any) -> Any:
        raise ValueError("no")

    shed.does["pay"], shed.facts["idempotent"] = fail, True
    retry = {"delay": {"seconds": 1}, "limit": {"attempt": {"count": 2}}}
    tasks = {"safe": {"try": [{"pay": {"call": "pay", "with": {"n": "${ .n }"}}}], "catch": {**_CAUGHT, "retry": retry}}}
    execution = ran(tasks, calls="pay", given={"n": 1})
    for _ in range(2):
        let_time_pass(owner, execution["id"])
        work()
    ended = read(owner, execution["id"])["execution"]
    assert (shed.calls, ended["output"]["n"]) == ([("pay", {"n": 1})] * 3, 1)


@pytest.mark.long
def test_what_fails_in_a_loop_is_caught_around_it(ran: Any, shed: Shed) -> None:
    def fail(use: Any) -> Any:
        raise ValueError("no")

    shed.does["pay"], shed.facts["effect"] = fail, "read"
    loop = {"each": {"for": {"in": ".rows"}, "do": [{"pay": {"call": "pay", "with": {"n": "${ $item }"}}}]}}
    ended = ran({"safe": {"try": [loop], "catch": _CAUGHT}}, calls="pay", given={"rows": [1, 2], "n": 5})
    assert (ended["status"], ended["output"]["n"], shed.calls) == ("succeeded", 5, [("pay", {"n": 1})])


@pytest.mark.long
@pytest.mark.parametrize(("n", "output"), [(1, {"small": 1}), (5, {"last": {"seen": 5}})])
def test_the_workflow_can_end_within_tasks_and_contexts_meet_where_ways_do(ran: Any, n: int, output: Any) -> None:
    within = [
        {"small": {"switch": [{"yes": {"when": ".n < 3", "then": "stop"}}], "then": "exit"}},
        {"stop": {"set": {"small": "${ .n }"}, "then": "end"}},
    ]
    tasks = (
        {"note": {"if": ".n > 3", "set": "${ . }", "export": {"as": "{seen: .n}"}}}, {"some": {"do": within}},
        {"last": {"set": {"last": "${ $context }"}}},
    )  # fmt: skip
    assert ran(*tasks, given={"n": n})["output"] == output


@pytest.mark.long
def test_another_workflow_is_the_one_that_the_mapping_names(owner: Person, ran: Any, imported: Import) -> None:
    greet = imported({"greet": {"set": {"text": '${ "Hello, " + .name }'}}}).data["workflow"]["id"]
    owner.client.patch(f"/workflows/{greet}", {"status": "active"})
    target = {"namespace": "shop", "name": "greet", "version": "1.0.0", "input": {"name": "${ .who }"}}
    answer = imported({"run": {"run": {"workflow": target}}})
    assert answer.data["references"] == [
        {"ref": "shop/greet:1.0.0", "type": "workflow", "paths": ["/do/0/run"], "mapped_to": None}
    ]
    assert [fault["path"] for fault in answer.data["faults"]] == ["nodes.run.config.workflow_id"]
    mapped = imported({"run": {"run": {"workflow": target}}}, mapping={"shop/greet:1.0.0": greet}).data
    assert (mapped["faults"], mapped["definition"]["nodes"][0]["config"]) == ([], {"workflow_id": greet})


@pytest.mark.long
def test_a_listen_waits_for_a_signal_and_fails_when_its_time_is_over(owner: Person, ran: Any, work: Any) -> None:
    task = {"listen": {"to": {"one": {"with": {"type": "paid"}}}}, "timeout": {"after": "PT1H"}}
    told, late = ran({"it": task}), ran({"it": task})
    owner.client.post(f"/executions/{told['id']}/signals", {"name": "paid", "data": {"n": 7}})
    let_time_pass(owner, late["id"])
    work()
    assert read(owner, told["id"])["execution"]["output"] == [{"n": 7}]
    assert read(owner, late["id"])["execution"]["error"]["message"].startswith("it_timeout_end: Timeout: {")
