"""Executions run what any plugin brings: they need neither agents nor engines nor approvals."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.selection import only
from aasim_core.testing.world import World

from . import test_contract

DROPINS = Path(__file__).parent / "dropins"
PAGE = Path(__file__).parents[2] / "docs" / "extend" / "runs.md"
_START = "POST /chores"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """A kind of run of its own, and what it requires."""
    return only(["chores"], DROPINS)


def test_the_page_for_authors_shows_the_plugin_that_runs_here() -> None:
    (shown,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert shown == (DROPINS / "chores" / "__init__.py").read_text()


def test_a_run_of_another_kind_starts_ends_and_is_repeated(app: App, world: World, work: Any) -> None:
    owner = world.organization()
    assert not {"agents", "engines", "hitl_approvals"} & {plugin.name for plugin in app.plugins.on}
    execution = owner.client.post("/chores", {"input": ["sweep", "dust"]}).data
    work()
    done = owner.client.get(f"/executions/{execution['id']}").data
    assert (done["kind"], done["status"], done["output"], done["agent_id"]) == ("chores", "succeeded", {"done": 2}, None)
    again = owner.client.post(f"/executions/{execution['id']}/retry").data
    assert (again["kind"], again["retry_of"], again["status"]) == ("chores", execution["id"], "queued")


def test_a_run_of_another_kind_is_repeated_by_those_only_who_may_start_it(world: World, work: Any) -> None:
    owner = world.organization()
    execution = owner.client.post("/chores", {"input": "no list"}).data
    work()
    assert owner.client.get(f"/executions/{execution['id']}").data["error"]["code"] == "not_a_list"
    assert world.member(owner, "viewer").client.post(f"/executions/{execution['id']}/retry").codes == {"_": ["permission_denied"]}


@pytest.mark.long
class TestContract(PluginContract):
    """What every plugin promises, kept by executions where agents are off."""

    plugin = "executions"
    folder = DROPINS
    companions = ("chores",)
    objects = {"execution_id": _START}
    samples = {_START: {"input": ["sweep"]}}
    rows = {"GET /executions": _START, "GET /executions/{execution_id}/tool-calls": test_contract.add_tool_call}
    before = test_contract.BEFORE
