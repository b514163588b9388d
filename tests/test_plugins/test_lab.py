"""A plugin that is off for an organization does nothing there; one that fails is named, and nothing else fails."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.selection import only
from aasim_core.testing.world import Answer, Person, World
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off

DROPINS = Path(__file__).parent / "dropins"
SUMMARY = "a plugin failed"
Run = Callable[..., Any]


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The lab, what it requires, and what runs agents."""
    return only(["lab", "executions", "engine_scripted"], DROPINS)


@pytest.fixture
def lab(app: App) -> ModuleType:
    """The plugin, which knows what it did."""
    return next(plugin.module for plugin in app.plugins.on if plugin.name == "lab")


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def did(app: App, lab: ModuleType, owner: Person) -> Callable[[], list[str]]:
    """What the lab did for the organization, each once."""
    return lambda: sorted(set(lab.done(app, owner.organization_id)))


def switch(person: Person, *, on: bool) -> None:
    """Turn the lab on or off for the person's organization."""
    answer = person.client.put(f"/plugins/lab/organizations/{person.organization_id}", {"status": "active" if on else "disabled"})
    assert (answer.data["status"] == "active") is on


def unpark(app: App) -> int:
    """What a worker does from time to time."""
    return Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir)).unpark()


def engine_of(person: Person) -> str:
    """A new engine of the lab."""
    return str(person.client.post("/engines", {"name": "Lab", "provider": "lab", "model": "lab"}).data["id"])


def app_of(person: Person, key: str = "k-1234567") -> str:
    """A new connected app of the lab."""
    body = {"name": "Lab", "provider": "lab", "auth_type": "api_key", "config": {}, "credentials": {"key": key}}
    return str(person.client.post("/connected-apps", body).data["id"])


def rubric_of(person: Person, engine_id: str) -> str:
    """The path of a new rubric with the lab's grader."""
    criteria = [{"key": "good", "weight": 1, "grader": "lab"}]
    made = person.client.post(f"/engines/{engine_id}/rubrics", {"name": "Good", "criteria": criteria}).data
    return f"/engines/{engine_id}/rubrics/{made['id']}"


def agent_of(person: Person, *replies: Any, tools: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """A new agent on the scripted engine with the lab's tools, or on another engine."""
    if "engine_id" not in fields:
        fields |= {"engine_id": person.client.get("/engines?provider=scripted").data["items"][0]["id"]}
        fields |= {"parameters": {"replies": list(replies)}}
    body = {"name": "A", "tools": [{"ref": ref} for ref in tools], **fields}
    return dict(person.client.post("/agents", body).data)


@pytest.fixture
def run(app: App) -> Run:
    """Runs an agent; returns the execution."""

    def start(person: Person, agent: Mapping[str, Any], given: str = "hello") -> Any:
        execution = person.client.post(f"/agents/{agent['id']}/execute", {"input": given}).data
        work_off(app)
        return person.client.get(f"/executions/{execution['id']}").data

    return start


def log_of(person: Person, execution: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of the execution's log."""
    return list(person.client.get(f"/executions/{execution['id']}/logs").data["entries"])


def call(name: str, text: str = "hello") -> dict[str, Any]:
    """A turn of the script that calls a tool."""
    return {"tool_calls": [{"name": name, "arguments": {"text": text}}]}


def told(answer: Answer, field: str) -> str:
    """The message of what is wrong with a field."""
    assert answer.status == 422, answer
    return str(answer.body["errors"][field][0]["message"])


# Off for one organization


def test_where_it_is_on_everything_that_it_brings_is_used(
    app: App, owner: Person, run: Run, did: Callable[[], list[str]]
) -> None:
    engine_id = engine_of(owner)
    run(owner, agent_of(owner, call("lab_note"), "done", tools=("lab:note",)))
    owner.client.post(f"/engines/{engine_id}/test")
    owner.client.post(f"{rubric_of(owner, engine_id)}/score", {"input": "?", "output": "!"})
    owner.client.post(f"/connected-apps/{app_of(owner)}/test")
    assert did() == ["connector", "engine", "grader", "job", "listener", "meter", "settled", "tool", "witness"]


def test_where_it_is_off_nothing_that_it_brings_is_used(app: App, owner: Person, run: Run, lab: ModuleType) -> None:
    engine_id, app_id = engine_of(owner), app_of(owner)
    rubric, agent = rubric_of(owner, engine_id), agent_of(owner, call("lab_note"), "done", tools=("lab:note",))
    work_off(app)
    before = lab.done(app, owner.organization_id)
    switch(owner, on=False)
    run(owner, agent)
    agent_of(owner, name="B")
    work_off(app)
    owner.client.post(f"/engines/{engine_id}/test")
    owner.client.post(f"{rubric}/score", {"input": "?", "output": "!"})
    owner.client.post(f"/connected-apps/{app_id}/test")
    assert lab.done(app, owner.organization_id) == before == ["witness", "listener"]


def test_an_agent_says_what_it_lacks(owner: Person) -> None:
    agent = agent_of(owner, engine_id=engine_of(owner), tools=("lab:note",))
    read = lambda: owner.client.get(f"/agents/{agent['id']}").data["missing"]  # noqa: E731
    assert read() == []
    switch(owner, on=False)
    off = {"plugin": "lab", "reason": "feature_disabled"}
    assert read() == [{"kind": "engine", "ref": agent["engine_id"], **off}, {"kind": "tool", "ref": "lab:note", **off}]
    switch(owner, on=True)
    assert read() == []


def test_what_is_off_cannot_be_chosen(owner: Person) -> None:
    engine_id = engine_of(owner)
    switch(owner, on=False)
    advice = "off for the organization; an owner can switch it on with PUT /plugins/lab/organizations/{organization_id}."
    asked = owner.client.post
    assert advice in told(asked("/agents", {"name": "A", "tools": [{"ref": "lab:note"}]}), "tools[0].ref")
    assert advice in told(asked("/agents", {"name": "A", "engine_id": engine_id}), "engine_id")
    assert advice in told(asked("/engines", {"name": "E", "provider": "lab", "model": "lab"}), "provider")
    criteria = [{"key": "good", "weight": 1, "grader": "lab"}]
    assert advice in told(asked(f"/engines/{engine_id}/rubrics", {"name": "R", "criteria": criteria}), "criteria[0].grader")
    connected = {"name": "C", "provider": "lab", "auth_type": "api_key", "config": {}, "credentials": {"key": "k"}}
    assert advice in told(asked("/connected-apps", connected), "provider")


def test_a_run_goes_on_without_a_tool_that_is_off_and_warns(owner: Person, run: Run) -> None:
    agent = agent_of(owner, call("lab_note"), "done", tools=("lab:note",))
    switch(owner, on=False)
    execution = run(owner, agent)
    assert execution["output"] == "done"
    [line] = [line for line in log_of(owner, execution) if line["event"] == "tool_unavailable"]
    assert (line["level"], line["data"]) == ("warning", {"tool": "lab:note", "plugin": "lab"})
    assert line["message"].endswith("the plugin lab, which provides it, is disabled for the organization.")


def test_a_run_whose_engine_is_off_fails_and_succeeds_once_it_is_on_again(app: App, owner: Person, run: Run) -> None:
    agent = agent_of(owner, engine_id=engine_of(owner))
    switch(owner, on=False)
    execution = run(owner, agent)
    assert execution["error"] == {
        "code": "feature_disabled",
        "message": "the plugin lab, which provides lab, is disabled for the organization",
        "retryable": True,
        "meta": {"plugin": "lab"},
    }
    switch(owner, on=True)
    again = owner.client.post(f"/executions/{execution['id']}/retry").data
    work_off(app)
    assert owner.client.get(f"/executions/{again['id']}").data["status"] == "succeeded"


def test_an_engine_that_is_off_is_answered_for_by_its_fallback(owner: Person, run: Run) -> None:
    engine_id = engine_of(owner)
    scripted = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    owner.client.patch(f"/engines/{engine_id}", {"fallback_engine_ids": [scripted]})
    agent = agent_of(owner, engine_id=engine_id, parameters={"replies": ["from the fallback"]})
    switch(owner, on=False)
    assert run(owner, agent)["output"] == "from the fallback"


def test_what_requires_a_plugin_is_off_with_it(owner: Person) -> None:
    agent = agent_of(owner, engine_id=engine_of(owner))
    owner.client.put(f"/plugins/rubrics/organizations/{owner.organization_id}", {"status": "disabled"})
    states = {plugin["name"]: plugin["status"] for plugin in owner.client.get("/plugins").data["items"]}
    assert (states["rubrics"], states["lab"], states["engines"]) == ("disabled", "disabled", "active")
    assert [each["plugin"] for each in owner.client.get(f"/agents/{agent['id']}").data["missing"]] == ["lab"]


def test_deliveries_wait_where_it_is_off_and_are_made_later(app: App, owner: Person, world: World, lab: ModuleType) -> None:
    stranger = world.organization("Other")
    switch(owner, on=False)
    for person in (owner, stranger):
        agent_of(person)
    work_off(app)
    assert lab.done(app, owner.organization_id) == []
    assert lab.done(app, stranger.organization_id) == ["witness", "listener"]
    switch(owner, on=True)
    assert unpark(app) == 1
    work_off(app)
    assert lab.done(app, owner.organization_id) == ["listener"]


# Its faults are its own


@pytest.fixture
def faults(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The lines of the process's log that tell of faults."""
    return lambda: [line for line in capsys.readouterr().out.splitlines() if SUMMARY in line]


def test_a_tool_that_reads_and_fails_is_told_to_the_model_once(
    owner: Person, run: Run, did: Any, lab: ModuleType, app: App
) -> None:
    execution = run(owner, agent_of(owner, call("lab_note", "boom"), "done", tools=("lab:note",)))
    assert (execution["status"], execution["output"]) == ("succeeded", "done")
    [made] = owner.client.get(f"/executions/{execution['id']}/tool-calls").data["items"]
    assert made["result"] == {"error": "The plugin lab, which brings this tool, failed.", "code": "plugin_failed"}
    assert lab.done(app, owner.organization_id).count("tool") == 1


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
        "meta": {"plugin": "lab"},
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
