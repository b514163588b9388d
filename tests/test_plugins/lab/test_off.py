"""A plugin that is off for an organization does nothing there."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.world import Person, World
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off

from ...executions.passing_time import make_due
from .conftest import Run, agent_of, app_of, call, engine_of, rubric_of, told


def switch(person: Person, *, on: bool) -> None:
    """Turn the lab on or off for the person's organization."""
    answer = person.client.put(f"/plugins/lab/organizations/{person.organization_id}", {"status": "active" if on else "disabled"})
    assert (answer.data["status"] == "active") is on


def unpark(app: App) -> int:
    """What a worker does from time to time."""
    return Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir)).unpark()


def log_of(person: Person, execution: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of the execution's log."""
    return list(person.client.get(f"/executions/{execution['id']}/logs").data["entries"])


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


def test_a_run_whose_engine_is_off_is_blocked_and_continues_once_it_is_on_again(app: App, owner: Person, run: Run) -> None:
    agent = agent_of(owner, engine_id=engine_of(owner))
    switch(owner, on=False)
    execution = run(owner, agent)
    assert (execution["status"], execution["waiting_for"], execution["missing"]) == ("blocked", "missing", "plugin:lab")
    switch(owner, on=True)
    make_due(app)
    work_off(app)
    assert owner.client.get(f"/executions/{execution['id']}").data["status"] == "succeeded"


def test_an_engine_that_is_off_is_answered_for_by_its_fallback(owner: Person, run: Run) -> None:
    engine_id = engine_of(owner)
    scripted = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    owner.client.patch(f"/engines/{engine_id}", {"fallback_engine_ids": [scripted]})
    agent = agent_of(owner, engine_id=engine_id, parameters={"replies": ["from the fallback"]})
    switch(owner, on=False)
    assert run(owner, agent)["output"] == "from the fallback"


@pytest.mark.long
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
