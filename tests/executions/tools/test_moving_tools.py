"""Names of tools move, and tools go away: a call stays one of the tool that it was proposed for, and what was begun is not forgotten."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.jobs.leases import Leases
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import Runner
from aasim_plugins.executions.hookspecs import ToolError, ToolUse
from aasim_plugins.executions.models import ToolCall

from ..passing_time import make_due
from .test_tool_calls import call, calls_of, read, run

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def rename(shed: Any, tool: str, name: str) -> None:
    """Give a tool of the shed another name, by which models call it."""
    shed.tools[tool] = replace(shed.tools[tool], name=name)


def only_one(app: App) -> None:
    """Do the next turn of an execution, and what is due before it."""
    leases = Leases(app.database, "by hand")
    with app.database.connected(), system_scope("test"):
        while (lease := leases.claim()) is not None:
            Runner(app, leases).run(lease)
            if lease.name == "executions.turn":
                return


@pytest.fixture
def lost(shed: Any) -> Callable[..., str]:
    """Adds a tool that loses the database in its first call, as if the worker had died; the next ones do it again."""

    def add(**facts: Any) -> str:
        def does(use: ToolUse) -> str:
            if len(shed.used) == 1:
                raise peewee.OperationalError
            return "done again"

        shed.does = does
        return str(shed.add("hammer", **facts))

    return add


@pytest.mark.long
def test_an_approved_call_is_made_with_the_tool_that_was_approved(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    tools = [{"ref": shed.add(name, effect="pay")} for name in ("old", "new")]
    execution = run(owner, scripted(call("old", what="nail"), "done", tools=tools), work)
    rename(shed, "old", "older")
    rename(shed, "new", "old")
    desk.decide(approved=True)
    work()
    assert [use.rest for use in shed.used] == ["old"]
    assert calls_of(owner, execution)[0]["ref"] == "shed:old"


@pytest.mark.long
def test_a_tool_that_is_renamed_while_its_call_waits_is_called(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}]), work)
    rename(shed, "hammer", "mallet")
    desk.decide(approved=True)
    work()
    assert [use.rest for use in shed.used] == ["hammer"]


@pytest.mark.long
def test_a_call_that_waits_from_before_an_upgrade_is_known_by_its_ref(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}]), work)
    with app.database.transaction(), system_scope("test"):
        ToolCall.update(tool=None).execute()
    desk.decide(approved=True)
    work()
    assert [use.rest for use in shed.used] == ["hammer"]


@pytest.mark.long
def test_a_call_that_waits_for_people_is_not_made_once_its_tool_is_gone(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}]), work)
    del shed.tools["hammer"]
    desk.decide(approved=True)
    work()
    [made] = calls_of(owner, execution)
    assert (made["status"], made["result"]) == ("denied", {"error": "The tool hammer is not there any more."})


@pytest.mark.long
def test_people_are_asked_what_a_call_has_done_whose_tool_is_gone(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any, lost: Callable[..., str]
) -> None:
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": lost(idempotent=True)}]), work)
    del shed.tools["hammer"]
    make_due(app)
    work()
    assert calls_of(owner, execution)[0]["status"] == "unknown"
    [question] = desk.open.values()
    assert (question.kind, question.title) == ("unknown_outcome", "Has hammer been done?")


@pytest.mark.long
def test_what_people_said_of_a_call_counts_though_its_tool_is_gone(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    def lose(use: ToolUse) -> None:
        raise ToolError("The connection was lost.", unknown=True)

    shed.does = lose
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    del shed.tools["hammer"]
    desk.decide(approved=True, comment="It was done, I looked.")
    work()
    [made] = calls_of(owner, execution)
    assert (made["status"], made["result"]) == ("done", {"result": "It was done, I looked."})


@pytest.mark.long
def test_the_answer_of_an_agent_that_was_deleted_meanwhile_counts(app: App, owner: Person, scripted: Make, work: Work) -> None:
    helper = scripted("I did.", name="Helper")
    boss = scripted(call(helper["slug"], input="Do it."), "done", name="Boss", tools=[{"ref": f"agent:{helper['id']}"}])
    execution = owner.client.post(f"/agents/{boss['id']}/execute", {"input": "hello"}).data
    only_one(app)
    assert read(owner, execution["id"])["waiting_for"] == "execution"
    owner.client.patch(f"/agents/{boss['id']}", {"tools": []})
    assert owner.client.delete(f"/agents/{helper['id']}").status == 200
    work()
    assert calls_of(owner, execution)[0]["result"] == {"result": "I did."}


def test_a_call_is_not_repeated_for_somebody_who_may_not_make_it_any_more(
    world: World, app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any, lost: Callable[..., str]
) -> None:
    ref = lost(idempotent=True, allowed=lambda rights, user_id: rights.has_anywhere("agents:execute"))
    builder = world.member(owner, "builder")
    execution = run(builder, scripted(call("hammer", what="nail"), "done", tools=[{"ref": ref}]), work)
    owner.client.put(f"/users/{builder.user_id}/status", {"status": "suspended", "reason": "Left."})
    make_due(app)
    work()
    assert len(shed.used) == 1
    assert calls_of(owner, execution)[0]["status"] == "unknown"


@pytest.mark.long
def test_a_call_is_in_the_log_as_soon_as_it_is_made(
    app: App, owner: Person, scripted: Make, work: Work, lost: Callable[..., str]
) -> None:
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": lost(idempotent=True)}]), work)
    make_due(app)
    work()
    entries = owner.client.get(f"/executions/{execution['id']}/logs").data["entries"]
    told = [entry["event"] for entry in entries if entry["event"].startswith("tool_")]
    assert told == ["tool_called", "tool_returned"]
