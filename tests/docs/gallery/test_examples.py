"""Each plugin of the gallery does what its page says."""

import hmac
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from falcon import testing

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.process.startup import start_plugins, stop_plugins
from aasim_core.tenancy.records import User
from aasim_core.testing import work_off
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.log.retention import prune_some
from aasim_plugins.executions.models import Execution

from .conftest import GATEWAY_SECRET, METRICS_TOKEN

CALL = {"tool_calls": [{"name": "days_between", "arguments": {"first": "2026-01-01", "last": "2026-03-01"}}]}
Make = Callable[..., Any]


@pytest.mark.long
def test_an_engine_of_the_parrot_repeats_in_capital_letters(owner: Person, agent: Make, run: Make) -> None:
    engine = owner.client.post("/engines", {"name": "Parrot", "provider": "parrot", "model": "grey"}).data
    made = agent(engine_id=engine["id"], parameters={}).data
    assert run(made["id"], "Hello.")["output"] == "HELLO."


@pytest.mark.long
def test_the_fourth_call_of_a_day_is_not_made(owner: Person, agent: Make, run: Make) -> None:
    made = agent("Done.").data
    assert [run(made["id"])["status"] for _ in range(3)] == ["succeeded"] * 3
    assert owner.client.post(f"/agents/{made['id']}/execute", {"input": "Hello."}).codes == {"_": ["allowance_used"]}


@pytest.mark.parametrize(("output", "score"), [("Yes, please.", 1.0), ("Yes.", 0.0)])
def test_an_answer_is_scored_by_whether_it_says_please(owner: Person, output: str, score: float) -> None:
    [engine] = owner.client.get("/engines?provider=scripted").data["items"]
    criteria = [{"key": "please", "weight": 1, "grader": "politeness_says", "parameters": {"word": "please"}}]
    rubric = owner.client.post(f"/engines/{engine['id']}/rubrics", {"name": "Polite", "criteria": criteria}).data
    scored = owner.client.post(f"/engines/{engine['id']}/rubrics/{rubric['id']}/score", {"input": "?", "output": output})
    assert scored.data["score"] == score


def test_an_agent_counts_the_days_between_two_dates(owner: Person, agent: Make, run: Make) -> None:
    ended = run(agent(CALL, "59 days.", tools=[{"ref": "dates:between"}]).data["id"])
    assert ended["output"] == "59 days."
    [called] = owner.client.get(f"/executions/{ended['id']}/tool-calls").data["items"]
    assert called["result"]["result"] == {"days": 59}


def test_an_agent_counts_the_projects_of_a_department_for_who_may_read_them(
    app: App, owner: Person, agent: Make, run: Make
) -> None:
    department = owner.client.post("/departments", {"name": "Post"}).data["id"]
    project = owner.client.post("/projects", {"name": "Letters", "key": "LET", "department_id": department}).data["id"]
    turn = {"tool_calls": [{"name": "count_projects", "arguments": {"department_id": department}}]}
    made = agent(turn, "Counted.", tools=[{"ref": "caseload:department"}], project_id=project).data["id"]
    body = {"name": "CI", "scopes": ["agents:execute", "projects:read"], "project_id": project}
    key = type(owner.client)(owner.client.wsgi, owner.client.post("/api-keys", body).data["key"])
    started = [client.post(f"/agents/{made}/execute", {"input": "?"}).data["id"] for client in (owner.client, key)]
    work_off(app)  # three calls of the engine: the allowance
    called = [owner.client.get(f"/executions/{each}/tool-calls").data["items"][0]["result"] for each in started]
    assert called == [{"result": {"projects": 1}}, {"error": "There is no such department."}]


def test_a_job_flow_starts_the_summary_of_a_project(app: App, owner: Person, agent: Make, run: Make) -> None:
    project = owner.client.post("/projects", {"name": "Letters", "key": "LET"}).data["id"]
    assert run(agent("Done.", project_id=project).data["id"])["status"] == "succeeded"
    flow = {"name": "Summary", "input": {}, "target": {"type": "project", "id": project}}
    made = owner.client.post("/job-flows", {**flow, "trigger": {"type": "cron", "expression": "0 17 * * FRI"}}).data
    owner.client.post(f"/job-flows/{made['id']}/trigger", {})
    work_off(app)
    outputs = {each["kind"]: each["output"] for each in owner.client.get("/executions").data["items"]}
    assert outputs == {"agent": "Done.", "summaries": {"succeeded": 1}}


def test_a_question_of_a_run_waits_at_the_desk_until_somebody_answers(app: App, owner: Person, agent: Make, run: Make) -> None:
    asked = run(agent(CALL, "59 days.", tools=[{"ref": "dates:between", "approval": "always"}]).data["id"])
    [question] = owner.client.get("/desk?status=open").data["items"]
    assert asked["status"] == "waiting"
    owner.client.post(f"/desk/{question['id']}/answer", {"status": "approved"})
    work_off(app)
    assert owner.client.get(f"/executions/{asked['id']}").data["output"] == "59 days."
    assert owner.client.post(f"/desk/{question['id']}/answer", {"status": "rejected"}).codes == {"_": ["invalid_state"]}


def test_a_question_goes_with_its_run(app: App, owner: Person, agent: Make, run: Make) -> None:
    run(agent(CALL, "59 days.", tools=[{"ref": "dates:between", "approval": "always"}]).data["id"])
    questions = lambda: owner.client.get("/desk").data["items"]  # noqa: E731
    assert len(questions()) == 1
    long_ago = now() - timedelta(days=401)
    with organization_scope(owner.organization_id):
        Execution.update(status="cancelled", created_at=long_ago, finished_at=long_ago).execute()
        prune_some(app, owner.organization_id)
    assert questions() == []


def test_an_answer_that_is_too_long_is_given_again(agent: Make, run: Make) -> None:
    long, short = "It is so long that nobody reads it.", "It is short."
    assert run(agent(long, short).data["id"])["output"] == short


def test_members_see_how_many_agents_there_are(owner: Person, agent: Make) -> None:
    agent("Done.")
    [card] = [card for card in owner.client.get("/dashboard/stats").data["cards"] if card["name"] == "headcount"]
    assert [(figure["name"], figure["value"]) for figure in card["figures"]] == [("all", 1), ("active", 1)]


def test_operators_see_how_many_agents_there_are(world: World, agent: Make) -> None:
    agent("Done.")
    told = testing.simulate_get(world.anonymous.wsgi, "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert 'aasim_headcount_agents{status="active"} 1.0' in told.text


def test_a_process_with_the_list_of_words_tells_how_many_there_are(app: App, owner: Person) -> None:
    User.update(is_platform_admin=True).where(User.id == owner.user_id).execute()
    read = lambda: owner.client.get("/health/deep").data["checks"]["wordlist"]  # noqa: E731
    [fetch] = next(commands for plugin, commands in app.plugins.each("commands", app=app) if plugin == "wordlist")
    fetch.callback()
    start_plugins(app)
    assert read() == {"ok": True, "words": 2}
    stop_plugins(app)
    assert read()["problem"] == "the list of words is empty; run: aasim wordlist fetch, and restart"


def test_the_first_start_prepares_what_the_demonstration_shows(app: App) -> None:
    said: list[str] = []
    list(app.plugins.each("prepare", app=app, report=lambda *_: None, administrator=None))
    shown = dict(app.plugins.each("demonstrate", app=app, api=None, say=said.append))
    assert (shown["wordlist"], said) == (True, ["The list has 2 words."])


def test_purging_a_plugin_removes_its_file(app: App) -> None:
    path = app.settings.data_dir / "wordlist.txt"
    path.write_text("please\n", encoding="utf-8")
    list(app.plugins.each("purge", app=app))
    assert not path.exists()


@pytest.mark.parametrize(("secret", "status"), [(GATEWAY_SECRET, 200), ("another secret", 401)])
def test_a_gateway_says_who_sends_a_request(world: World, owner: Person, secret: str, status: int) -> None:
    moment = str(int(time.time()))
    text = "\n".join(("GET", "/api/v1/auth/me", owner.user_id, owner.organization_id, moment))
    signature = hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()
    headers = {"User": owner.user_id, "Organization": owner.organization_id, "Time": moment, "Signature": signature}
    answer = world.anonymous.get("/auth/me", **{f"X_Gateway_{name}": value for name, value in headers.items()})
    assert answer.status == status


def test_an_organization_in_lockdown_has_no_connected_apps(owner: Person) -> None:
    def switch(is_on: bool) -> Any:
        owner.client.patch(f"/organizations/{owner.organization_id}", {"settings": {"lockdown": {"is_on": is_on}}})
        return owner.client.get("/connected-apps")

    assert switch(True).codes == {"_": ["feature_disabled"]}
    assert switch(False).status == 200


def test_an_organization_sees_what_was_slowest_of_its_own(world: World, owner: Person) -> None:
    assert owner.client.get("/slowest").status == 404
    owner.client.get("/agents")
    assert owner.client.get("/slowest").data["kind"] == "request"
    assert world.organization("Other").client.get("/slowest").status == 404


def test_an_agent_too_many_is_refused(agent: Make) -> None:
    assert [agent("Done.", name=name).status for name in ("One", "Two")] == [201, 201]
    assert agent("Done.", name="Three").codes == {"_": ["agent_limit_reached"]}
