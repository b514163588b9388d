"""Documents of the Serverless Workflow DSL: what becomes of tasks, and that the drafts run as the documents say."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person

from .conftest import Shed, let_time_pass, read
from .mangling import mangled
from .scenarios import scenarios
from .test_validation_bounds import MOST_LINES, lines_of

Task = dict[str, Any]
Import = Callable[..., Any]


@pytest.fixture
def imported(owner: Person) -> Import:
    """Imports tasks; returns the answer."""

    def imported(*tasks: Task, mapping: Any = None, **document: Any) -> Any:
        about = {"dsl": "1.0.3", "namespace": "shop", "name": "refund", "version": "1.0.0"}
        body = {"format": "serverless_workflow", "document": {"document": about, "do": list(tasks), **document}}
        return owner.client.post("/workflows/import", {**body, "mapping": mapping or {}})

    return imported


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


def left_out(answer: Any) -> dict[str, str]:
    """The reasons of what was left out, by the path of the task."""
    return {part["path"]: part["reasons"][0] for part in answer.data["parts"] if part["result"] == "left_out"}


def reasons(answer: Any) -> dict[str, list[str]]:
    """The reasons of what was changed, by the path."""
    return {part["path"]: part["reasons"] for part in answer.data["parts"] if part["result"] == "changed"}


_ONE = {"one": {"set": {"a": 1}}}


def test_what_a_document_says_of_itself_is_what_people_know_the_workflow_by(imported: Import) -> None:
    about = {"dsl": "1.0.3", "name": "refund", "title": "Refunds", "summary": "Pays back.", "tags": {"team": "shop"}}
    workflow = imported(_ONE, document=about).data["workflow"]
    assert [workflow[name] for name in ("name", "description", "tags", "status")] == [
        "Refunds",
        "Pays back.",
        ["team: shop"],
        "draft",
    ]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"document": {"dsl": "0.8"}}, "document.document.dsl"),
        ({"document": 7}, "document.document.dsl"),
        ({"do": []}, "document.do"),
        ({"do": [{"a": 1, "b": 2}]}, "document.do"),
        ({"do": [{f"t{number}": {"set": {}}} for number in range(201)]}, "document.do"),
        ({"do": [{"a": {"set": {f"x{number}": "${ .a }" for number in range(2_049)}}}]}, "document"),
        ({"evaluate": {"language": "javascript"}}, "document.evaluate.language"),
        ({"use": {"extensions": [{"log": {"extend": "all"}}]}}, "document.use.extensions"),
    ],
    ids=[
        "an old version",
        "no document",
        "no task",
        "no list of tasks",
        "many tasks",
        "many expressions",
        "JavaScript",
        "extensions",
    ],
)
def test_what_is_no_such_document_is_refused_with_its_place(imported: Import, document: Any, place: str) -> None:
    answer = imported(_ONE, **document)
    assert (answer.status, answer.codes) == (422, {place: ["invalid_format"]})


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ({"set": {"a": "${ .l | map(.x) }"}}, "The expression .l | map(.x) is not translated: map is not translated, at character 8."),
        ({"run": {"shell": {"command": "rm -rf /"}}}, "Containers, scripts and commands are not run here"),
        ({"call": "asyncapi", "with": {}}, "A call of asyncapi has no counterpart"),
        ({"call": "http", "with": {"method": "get", "endpoint": {"uri": "https://x.y", "authentication": {"use": "z"}}}},
         "Workflows hold no credentials"),
        ({"call": "http", "with": {"method": "get", "endpoint": "https://x.y", "output": "raw"}}, "raw has no counterpart"),
        ({"listen": {"to": {"any": []}}}, "Only a listen to one event is brought"),
        ({"wait": "${ .seconds }"}, "it is not computed"),
        ({"wait": {"days": 400}}, "at most 366 days"),
        ({"try": [], "catch": {"errors": {"with": {"title": "x"}}}}, "Errors are chosen by type and status only."),
        ({"dance": {}}, "It is none of call, emit, for"),
        ({"set": "$secrets.key"}, "$secrets is not known here"),
    ],
)  # fmt: skip
def test_a_task_without_a_counterpart_is_left_out_with_the_reason(imported: Import, task: Task, reason: str) -> None:
    answer = imported(_ONE, {"it": task}, {"after": {"set": {"b": 2}}})
    assert reason in left_out(answer)["/do/1/it"]
    nodes = {node["id"]: node["type"] for node in answer.data["definition"]["nodes"]}
    assert nodes == {"one": "transform", "it": "not_imported", "after": "transform"}
    assert "nodes.it.type" in [fault["path"] for fault in answer.data["faults"]]


def test_what_a_document_says_as_a_whole_and_is_left_out_is_told(imported: Import) -> None:
    answer = imported(_ONE, schedule={"cron": "0 * * * *"}, use={"secrets": ["key"]}, timeout={"after": {"minutes": 1}})
    assert list(reasons(answer)) == ["/schedule", "/timeout", "/use/secrets"]
    assert {part["node"] for part in answer.data["parts"] if part["result"] == "changed"} == {None}


def test_data_of_the_whole_that_are_not_translated_are_told(imported: Import) -> None:
    answer = imported(_ONE, input={"from": ".[]"}, output={"as": "keys"})
    assert list(left_out(answer)) == ["/input/from", "/output/as"]
    assert [node["type"] for node in answer.data["definition"]["nodes"]] == ["not_imported", "transform", "not_imported"]


def test_a_task_that_goes_back_or_ends_the_workflow_from_within_is_told(imported: Import) -> None:
    answer = imported(_ONE, {"two": {"set": {"a": 2}, "then": "one"}})
    assert left_out(answer) == {"/do/1/two/then": "It goes back to one; a for or a while repeats what is in it."}
    answer = imported({"two": {"fork": {"branches": [{"b": {"set": {"a": 1}, "then": "end"}}]}}})
    assert left_out(answer) == {"/do/0/two/fork/branches/0/0/b/then": "Within a loop or a branch it cannot end the workflow."}
    error = {"type": "https://x.y/broken", "status": 409}
    answer = imported({"two": {"for": {"in": "[1]"}, "do": [{"b": {"raise": {"error": error}}}]}})
    assert left_out(answer) == {"/do/0/two/do/0/b": "Within a loop nothing can be raised that is not caught there."}


def test_what_nothing_leads_to_is_told(imported: Import) -> None:
    answer = imported({"one": {"set": {"a": 1}, "then": "end"}}, {"two": {"set": {"a": 2}}})
    assert reasons(answer) == {"/do/1/two": ["Nothing leads to it, so it was left out."]}


def test_a_text_with_braces_stands_for_itself(ran: Any) -> None:
    assert ran({"one": {"set": {"a": "{{ run.id }}", "b": "$ {x}"}}})["output"] == {"a": "{{ run.id }}", "b": "$ {x}"}


def test_data_are_filtered_and_exported_on_the_way(ran: Any) -> None:
    tasks = (
        {"one": {"input": {"from": {"n": "${ .order.n }"}}, "set": {"m": "${ .n + 1 }"}, "output": {"as": "{m, was: $input.n}"},
                 "export": {"as": "{seen: .m}"}}},
        {"two": {"set": {"context": "${ $context }", "input": "${ . }"}}},
    )  # fmt: skip
    given = {"data": {"order": {"n": 1}}}
    ended = ran(*tasks, given=given, input={"from": ".data"}, output={"as": "{result: .}"})
    assert ended["output"] == {"result": {"context": {"seen": 2}, "input": {"m": 2, "was": 1}}}


@pytest.mark.parametrize(("given", "output"), [({"n": 1}, {"n": 1}), ({"n": 3}, {"big": 3})])
def test_a_task_is_skipped_where_its_condition_does_not_hold(ran: Any, given: Any, output: Any) -> None:
    assert ran({"one": {"if": ".n > 2", "set": {"big": "${ .n }"}}}, given=given)["output"] == output


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


@pytest.mark.parametrize(
    ("rows", "output"), [([], {"rows": []}), ([3, 4], {"sum": 7, "rows": [3, 4]}), ([3, 9, 5], {"sum": 12, "rows": [3, 9, 5]})]
)
def test_a_loop_gives_each_round_what_the_last_one_gave(ran: Any, rows: list[int], output: Any) -> None:
    body = [{"inner": {"for": {"in": "[1]"}, "do": [{"add": {"set": {"sum": "${ .sum + $row }", "rows": "${ .rows }"}}}]}}]
    loop = {"for": {"each": "row", "in": ".rows"}, "while": ".sum == null or .sum < 10", "do": body}
    assert ran({"loop": loop}, given={"rows": rows})["output"] == output


def test_branches_meet_in_a_list(ran: Any) -> None:
    branches = [{"a": {"set": "${ .n }"}}, {"b": {"do": [{"c": {"set": "${ .n + 1 }"}}, {"d": {"if": ". > 9", "set": "9"}}]}}]
    assert ran({"both": {"fork": {"branches": branches}}}, given={"n": 1})["output"] == [1, 2]


_CAUGHT = {"as": "err", "do": [{"tell": {"set": {"was": "${ $err.title }", "n": "${ .n }"}}}]}


def test_what_is_raised_is_caught_by_the_next_catch_that_takes_it(ran: Any) -> None:
    raised = {"raise": {"error": {"type": "https://x.y/errors/broken", "status": 409, "title": "Broken"}}}
    inner = {"try": [{"it": raised}], "catch": {"errors": {"with": {"status": 404}}, "do": [{"no": {"set": {"never": 1}}}]}}
    ended = ran({"outer": {"try": [{"inner": inner}, {"next": {"set": {"n": 0}}}], "catch": _CAUGHT}}, given={"n": 1})
    assert ended["output"] == {"was": "Broken", "n": 1}
    ended = ran({"inner": inner})
    assert (ended["status"], ended["error"]["message"].partition(": {")[0]) == ("failed", "it_end: Broken")


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


def test_what_fails_in_a_loop_is_caught_around_it(ran: Any, shed: Shed) -> None:
    def fail(use: Any) -> Any:
        raise ValueError("no")

    shed.does["pay"], shed.facts["effect"] = fail, "read"
    loop = {"each": {"for": {"in": ".rows"}, "do": [{"pay": {"call": "pay", "with": {"n": "${ $item }"}}}]}}
    ended = ran({"safe": {"try": [loop], "catch": _CAUGHT}}, calls="pay", given={"rows": [1, 2], "n": 5})
    assert (ended["status"], ended["output"]["n"], shed.calls) == ("succeeded", 5, [("pay", {"n": 1})])


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


def test_a_listen_waits_for_a_signal_and_fails_when_its_time_is_over(owner: Person, ran: Any, work: Any) -> None:
    task = {"listen": {"to": {"one": {"with": {"type": "paid"}}}}, "timeout": {"after": "PT1H"}}
    told, late = ran({"it": task}), ran({"it": task})
    owner.client.post(f"/executions/{told['id']}/signals", {"name": "paid", "data": {"n": 7}})
    let_time_pass(owner, late["id"])
    work()
    assert read(owner, told["id"])["execution"]["output"] == [{"n": 7}]
    assert read(owner, late["id"])["execution"]["error"]["message"].startswith("it_timeout_end: Timeout: {")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 8))])
def test_whatever_a_document_is_it_is_imported_or_refused(owner: Person, seed: int) -> None:
    dice, good = random.Random(seed), [dict(scenario.document) for scenario in scenarios()]  # noqa: S311 - it plays dice
    statuses = []
    for _ in range(60):
        document = mangled(dice, copy.deepcopy(dice.choice(good)))
        body = {"format": "serverless_workflow", "document": document, "dry_run": True}
        answer = owner.client.post("/workflows/import", body)
        assert answer.status in (200, 422) and "plugin_failed" not in str(answer.body), (answer.body, document)
        statuses.append(answer.status)
    assert set(statuses) == {200, 422}


def _tries(depth: int) -> list[Task]:
    inner = _tries(depth - 1) if depth else [{f"c{number}": {"call": "f"}} for number in range(180)]
    return [{"t": {"try": inner, "catch": {"errors": {"with": {"status": 400 + depth}}}}}]


#: Tasks to attack with: each as many as may be, and more work than it looks like.
_BOMBS: dict[str, list[Task]] = {
    "long sums": [{"a": {"set": {f"x{n}": f"${{ {' + '.join(['1'] * 500)} }}" for n in range(32)}}}],
    "sums that double": [{f"a{n}": {"set": f"${{ {' + '.join(['.abc'] * 12)} }}"}} for n in range(200)],
    "open brackets": [{"a": {"set": {f"x{n}": "${ " + "(" * 2_000 + " }" for n in range(32)}}}],
    "objects in each other": [{"a": {"set": {f"x{n}": "${ " + "{a:" * 20 + "1" + "}" * 20 + " }" for n in range(600)}}}],
    "spaces and ends": [{"a": {"set": {f"x{n}": " " * 2_000 + "${" + " }" * 20 + "x" for n in range(32)}}}],
    "catches in each other": _tries(6),
    "data that differ on all ways": [{f"a{n}": {"if": ".a", "set": "${ .b }", "export": {"as": "."}}} for n in range(190)],
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("bomb", _BOMBS)
def test_importing_takes_a_bounded_number_of_steps(imported: Import, bomb: str) -> None:
    answers: list[Any] = []
    lines = lines_of(lambda: answers.append(imported(*_BOMBS[bomb])))
    assert answers[0].status in (201, 422), answers[0].body
    assert lines <= MOST_LINES, lines
