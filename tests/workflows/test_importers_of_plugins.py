"""Formats that other plugins import workflows from, as the page for authors tells how to write one."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.workflows.hookspecs import Imported, WorkflowImporter

DROPINS = Path(__file__).parent / "dropins"
PAGE = Path(__file__).parents[2] / "docs" / "extend" / "importers.md"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The plugin of the page, and what it requires."""
    return only(["openflow"], DROPINS)


def shown(language: str) -> str:
    """The example of the page in that language."""
    [example] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(example)


def imported(owner: Person, *modules: Any, **about: Any) -> Any:
    return owner.client.post("/workflows/import", {"format": "openflow", "document": {"value": {"modules": modules}}, **about})


def test_the_page_for_authors_shows_the_plugin_that_runs_here() -> None:
    assert shown("python") == (DROPINS / "openflow" / "__init__.py").read_text()


def test_its_documents_become_definitions_with_what_the_mapping_says(owner: Person) -> None:
    told = owner.client.post("/workflows/import", json.loads(shown("json"))).data
    ref = "app:capp_01h455vb4pex5vsknk084sn02q/find"
    assert told["definition"] == {
        "language": 1,
        "nodes": [
            {"id": "a", "type": "tool", "config": {"ref": ref, "arguments": {"email": "{{ input.email }}"}}},
            {"id": "b", "type": "not_imported"},
        ],
        "edges": [{"from": "a", "to": "b"}],
    }
    assert told["references"] == [{"ref": "f/crm/find", "type": "script", "paths": ["a"], "mapped_to": ref}]
    assert told["parts"] == [
        {"path": "a", "node": "a", "result": "mapped", "reasons": []},
        {"path": "b", "node": "b", "result": "left_out", "reasons": ["Steps of the type branchone have no counterpart."]},
    ]


def test_what_is_left_out_keeps_the_workflow_from_being_active(owner: Person) -> None:
    step = {
        "id": "a",
        "value": {"type": "flow", "path": "f/x", "input_transforms": {"n": {"type": "javascript", "expr": "1 + 1"}}},
    }
    told = imported(owner, step).data
    assert told["parts"][0]["reasons"] == ["1 + 1 is JavaScript; only flow_input.… and results.… are translated."]
    refused = owner.client.patch(f"/workflows/{told['workflow']['id']}", {"status": "active"})
    assert refused.codes == {"definition.nodes.a.type": ["invalid_format"]}


def test_a_document_of_another_format_is_refused_with_its_place(owner: Person) -> None:
    assert imported(owner, {"id": "A", "value": {"type": "flow"}}).codes == {"document.value.modules": ["invalid_format"]}
    assert imported(owner, 7).codes == {"document": ["invalid_format"]}


@pytest.mark.parametrize("read", [lambda document, mapping: {}["a"], lambda document, mapping: Imported("x", {}, ["no part"])])
def test_what_an_importer_does_wrong_is_the_fault_of_its_plugin(app: App, owner: Person, read: Any) -> None:
    before = app.offers("workflow_importers")
    app.offers.keep("workflow_importers", {**before, "broken": WorkflowImporter("broken", "Fails.", read)})
    answer = owner.client.post("/workflows/import", {"format": "broken", "document": {}})
    app.offers.keep("workflow_importers", before)
    assert answer.codes == {"_": ["plugin_failed"]}


def test_a_format_is_there_only_while_its_plugin_is_on(app: App, owner: Person) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        features.switch(owner.organization_id, "openflow", False)
    answer = imported(owner)
    assert (answer.status, answer.codes) == (422, {"format": ["invalid_choice"]})
    assert "openflow" in answer.body["errors"]["format"][0]["message"]


@pytest.mark.long
class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "openflow"
    folder = DROPINS
