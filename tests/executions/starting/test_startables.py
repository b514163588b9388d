"""Objects that other plugins start: found as their own endpoints find them, and named where there is no such type."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.errors import Invalid, Refused
from aasim_core.identity.on_behalf_of import principal_now
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.starting.startables import startable


def test_an_agent_is_started_by_whoever_may_run_it(app: App, owner: Person, scripted: Any, work: Any) -> None:
    agent = scripted("Hello.")
    with organization_scope(owner.organization_id), database_of(Execution).transaction():
        kind = startable(app, "agent")
        target = kind.find(agent["id"], None, principal_now(owner.user_id))
        started = kind.start(target.id, target.version, "Hi", owner.user_id, trigger={"type": "schedule", "id": "due_1"})
    work()
    execution = owner.client.get(f"/executions/{started.id}").data
    assert (target.label, target.version, execution["output"]) == ("Scripted", 1, "Hello.")


def test_an_agent_is_hidden_from_whoever_may_not_know_of_it(app: App, world: World, owner: Person, scripted: Any) -> None:
    agent = scripted("Hello.", visibility="private")
    other = world.member(owner, "builder")
    with organization_scope(owner.organization_id), pytest.raises(Refused) as refused:
        startable(app, "agent").find(agent["id"], None, principal_now(other.user_id))
    assert refused.value.code == "not_found"


def test_a_version_that_there_is_not_is_named(app: App, owner: Person, scripted: Any) -> None:
    agent = scripted("Hello.")
    with organization_scope(owner.organization_id), pytest.raises(Invalid) as refused:
        startable(app, "agent").find(agent["id"], 7, principal_now(owner.user_id))
    assert "versions 1 to 1" in str(refused.value.problems)


def test_a_type_that_there_is_not_is_named(app: App, owner: Person) -> None:
    with organization_scope(owner.organization_id), pytest.raises(Invalid) as refused:
        startable(app, "robot", "target.type")
    assert "Nothing of the type robot can be run; write agent" in str(refused.value.problems["target.type"])


def test_a_type_whose_plugin_is_off_says_so(app: App, owner: Person) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        features.switch(owner.organization_id, "agents", False)
    with organization_scope(owner.organization_id), pytest.raises(Invalid) as refused:
        startable(app, "agent")
    assert "agents" in str(refused.value.problems["type"])
