"""The further types of nodes of docs/extend/nodes.md do what the page says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing import work_off
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person, World

from ..pages import Page

DOCS = Path(__file__).parents[3] / "docs" / "extend"
#: What the page leaves to the reader.
SCHEMAS = """
FIND = PACK = COLLECT = ASK = {"type": "object"}
"""
MORE = """
@hookimpl(spec=hookspecs.node_types)
def node_types(app):
    return MORE
"""


@pytest.fixture(scope="session")
def plugin_settings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The plugin has the further types in place of the first ones."""
    page, folder = Page(DOCS / "nodes.md"), tmp_path_factory.mktemp("nodes")
    (folder / "parcels").mkdir()
    text = "\n".join((page.files()["parcels/__init__.py"], SCHEMAS, page.blocks("py")[0], MORE))
    (folder / "parcels" / "__init__.py").write_text(text)
    return only(["parcels", "agents", "engine_scripted", "hitl_approvals"], folder)


@pytest.fixture
def owner(world: World) -> Person:
    """Somebody who may do everything."""
    return world.organization()


def run(app: App, owner: Person, node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A run of one node, as far as it goes."""
    definition = {"language": 1, "nodes": [{"id": "only", **node}], "edges": []}
    made = owner.client.post("/workflows", {"name": "One node", "status": "active", "definition": definition}).data
    execution = owner.client.post(f"/workflows/{made['id']}/execute", {"input": {}}).data
    work_off(app)
    answer: Mapping[str, Any] = owner.client.get(f"/executions/{execution['id']}").data
    return answer


def agent(owner: Person) -> str:
    [engine] = owner.client.get("/engines?provider=scripted").data["items"]
    body = {"name": "Packer", "engine_id": engine["id"], "parameters": {"replies": ["Packed."]}}
    return str(owner.client.post("/agents", body).data["id"])


@pytest.mark.long
def test_a_node_runs_an_agent(app: App, owner: Person) -> None:
    assert run(app, owner, {"type": "parcels_pack", "config": {"agent_id": agent(owner)}})["output"] == "Packed."


@pytest.mark.long
def test_a_node_calls_a_tool(app: App, owner: Person) -> None:
    config = {"ref": f"agent:{agent(owner)}", "arguments": {"input": "Pack it."}}
    assert run(app, owner, {"type": "parcels_find", "config": config})["status"] == "succeeded"


@pytest.mark.long
def test_a_node_waits_for_a_signal(app: App, owner: Person) -> None:
    execution = run(app, owner, {"type": "parcels_collect", "config": {"number": "7"}})
    assert execution["status"] == "waiting"
    owner.client.post(f"/executions/{execution['id']}/signals", {"name": "collected", "correlation": "7", "data": {"by": "Ada"}})
    work_off(app)
    assert owner.client.get(f"/executions/{execution['id']}").data["output"] == {"by": "Ada"}


@pytest.mark.long
def test_a_node_asks_people(app: App, owner: Person) -> None:
    assert run(app, owner, {"type": "parcels_ask", "config": {}})["status"] == "waiting"
    assert [each["title"] for each in owner.client.get("/hitl-approvals").data["items"]] == ["May the parcel go?"]
