"""Documents of the Serverless Workflow DSL: what becomes of tasks, and what is told of those that are left out."""

import copy
import random
from typing import Any

import pytest

from aasim_core.testing.world import Person

from ..conftest import Import, Task
from ..scenarios import scenarios
from ..validation.mangling import mangled
from ..validation.test_validation_bounds import MOST_LINES, lines_of


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
