"""A plugin that fails is named, and nothing else fails."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person

from .conftest import Run, agent_of, app_of, call, engine_of, rubric_of, told

SUMMARY = "a plugin failed"


@pytest.fixture
def faults(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The lines of the process's log that tell of faults."""
    return lambda: [line for line in capsys.readouterr().out.splitlines() if SUMMARY in line]


@pytest.mark.long
def test_a_tool_that_reads_and_fails_is_told_to_the_model_once(
    owner: Person, run: Run, did: Any, lab: ModuleType, app: App
) -> None:
    execution = run(owner, agent_of(owner, call("lab_note", "boom"), "done", tools=("lab:note",)))
    assert (execution["status"], execution["output"]) == ("succeeded", "done")
    [made] = owner.client.get(f"/executions/{execution['id']}/tool-calls").data["items"]
    assert made["result"] == {"error": "The plugin lab, which brings this tool, failed.", "code": "plugin_failed"}
    assert lab.done(app, owner.organization_id).count("tool") == 1


@pytest.mark.long
def test_people_are_asked_what_a_tool_has_done_that_writes_and_fails(owner: Person, run: Run) -> None:
    execution = run(owner, agent_of(owner, call("lab_write", "boom"), "done", tools=("lab:write",)))
    assert execution["error"]["code"] == "tool_outcome_unknown"  # nobody is there to be asked


def test_the_log_names_the_plugin_its_hook_and_the_line(owner: Person, run: Run, faults: Callable[[], list[str]]) -> None:
    run(owner, agent_of(owner, call("lab_note", "boom"), "done", tools=("lab:note",)))
    [line] = faults()
    assert all(part in line for part in ("lab", "tools", "KeyError: 'boom' (lab/__init__.py:"))


def test_what_failed_with_secrets_at_hand_is_logged_without_its_words(owner: Person, faults: Callable[[], list[str]]) -> None:
    owner.client.post(f"/connected-apps/{app_of(owner, 'boom')}/test")
    [line] = faults()
    assert "KeyError (lab/__init__.py:" in line
    assert "boom" not in line


def test_an_engine_that_fails_fails_the_run_at_once(owner: Person, run: Run, lab: ModuleType, app: App) -> None:
    execution = run(owner, agent_of(owner, engine_id=engine_of(owner)), "boom")
    assert execution["error"] == {
        "code": "plugin_failed",
        "message": "the plugin lab failed as a provider of engines",
        "retryable": False,
        "meta": {"path": "engine", "plugin": "lab"},
    }
    assert lab.done(app, owner.organization_id).count("engine") == 1


def test_a_test_of_an_engine_that_fails_answers_with_the_failure(owner: Person) -> None:
    engine_id = engine_of(owner)
    owner.client.patch(f"/engines/{engine_id}", {"default_parameters": {"say": "boom"}})
    tested = owner.client.post(f"/engines/{engine_id}/test").data
    assert (tested["ok"], tested["error"]["message"]) == (False, "the plugin lab failed as a provider of engines")


def test_a_grader_that_fails_abstains(owner: Person) -> None:
    rubric = rubric_of(owner, engine_of(owner))
    [found] = owner.client.post(f"{rubric}/score", {"input": "?", "output": "boom"}).data["criteria"]
    assert (found["score"], found["reason"]) == (None, "The plugin lab failed in its grader lab.")


def test_a_test_of_an_app_whose_connector_fails_says_so(owner: Person) -> None:
    steps = owner.client.post(f"/connected-apps/{app_of(owner, 'boom')}/test").data["steps"]
    assert "the plugin lab failed as a connector" in [step["message"] for step in steps]


def test_an_app_whose_connector_fails_to_check_it_is_refused_with_the_plugins_name(owner: Person) -> None:
    connected = {"name": "C", "provider": "lab", "auth_type": "api_key", "config": {"text": "boom"}, "credentials": {"key": "k"}}
    answer = owner.client.post("/connected-apps", connected)
    assert (answer.status, answer.codes) == (500, {"_": ["plugin_failed"]})
    assert answer.body["errors"]["_"][0]["meta"]["plugin"] == "lab"


def test_a_tool_whose_plugin_fails_to_find_it_is_missing(owner: Person) -> None:
    answer = owner.client.post("/agents", {"name": "A", "tools": [{"ref": "lab:boom"}]})
    assert "The plugin lab, which brings this tool, failed" in told(answer, "tools[0].ref")


def test_a_meter_that_fails_fails_the_run(
    app: App, owner: Person, run: Run, monkeypatch: pytest.MonkeyPatch, lab: ModuleType
) -> None:
    monkeypatch.setattr(lab, "note", lambda app, what: lab.fail_if_told("boom" if what == "meter" else what))
    error = run(owner, agent_of(owner, "done"))["error"]
    assert (error["code"], error["retryable"], error["meta"]["hook"]) == ("plugin_failed", False, "meters")
