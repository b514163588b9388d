"""The plugins of the gallery keep the contract, in a process of their own, as what an author has copied does."""

from pathlib import Path

import pytest

from ...test_plugins.contract.test_outside_contract import Outcome, run_suite
from .conftest import FURTHER, ROWS

pytestmark = pytest.mark.long

PLUGINS = sorted({*FURTHER, *(row.plugin for row in ROWS if row.page.path.parent.name == "gallery")})
CONTRACT = '''
from pathlib import Path

from aasim_core.testing import work_off
from aasim_core.testing.contract import PluginContract


def ask(world, person):
    """A question of a new run, for the desk."""
    [engine] = person.client.get("/engines?provider=scripted").data["items"]
    turn = {{"tool_calls": [{{"name": "days_between", "arguments": {{"first": "2026-01-01", "last": "2026-03-01"}}}}]}}
    fields = {{"engine_id": engine["id"], "parameters": {{"replies": [turn, "Done."]}}}}
    known = len(person.client.get("/agents").data["items"])
    tools = [{{"ref": "dates:between", "approval": "always"}}]
    agent = person.client.post("/agents", {{"name": f"Agent {{known}}", "tools": tools, **fields}}).data
    person.client.post(f"/agents/{{agent['id']}}/execute", {{"input": "?"}})
    work_off(world.app)
    return person.client.get("/desk?sort=-created_at").data["items"][0]["id"]


class TestContract(PluginContract):
    plugin = "{plugin}"
    folder = Path("{folder}")
    test_its_readme_names_what_it_brings = None  # its page does
{more}'''
#: What the suite cannot find out about a plugin.
MORE = {
    "desk": """
    companions = ("agents", "dates", "engine_scripted")
    objects = {"question_id": ask}
    rows = {"GET /desk": lambda world, caller, ids: ask(world, caller)}
""",
    "slowest": """
    before = {"GET /slowest": lambda client, path: client.get(path)}
""",
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, gallery: Path) -> Outcome:
    """What the suite says of each."""
    place = tmp_path_factory.mktemp("contracts")
    for plugin in PLUGINS:
        text = CONTRACT.format(plugin=plugin, folder=gallery, more=MORE.get(plugin, ""))
        (place / f"test_{plugin}.py").write_text(text)
    return run_suite(place)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_of_the_gallery_keeps_the_contract(outcome: Outcome, plugin: str) -> None:
    assert [test for test, passed in outcome.passed[plugin].items() if not passed] == [], outcome.printed
    assert len(outcome.passed[plugin]) > 10
