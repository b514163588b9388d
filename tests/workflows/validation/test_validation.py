"""What is wrong with definitions: every fault is told where it is, once, with what to write instead."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.world import Person
from aasim_plugins.executions.hookspecs import Tool
from aasim_plugins.workflows.hookspecs import NodeType, Result

from .planted import BASE, FAULTY, FINE, PLANTED, planted_into

_STRICT = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}


@pytest.fixture(autouse=True)
def _offers(app: App, owner: Person, shed: Any) -> Iterator[None]:
    """Tools, of which one wants an amount and one is not for everybody, and a type of nodes that is off for the organization."""

    def find(name: str) -> Tool:
        return Tool(
            name, "A tool.", _STRICT if name == "strict" else {"type": "object"}, lambda rights, user_id: name != "secret"
        )

    tools = app.offers("tools")
    app.offers.keep("tools", {**tools, "shed": replace(tools["shed"], find=find)})
    before = app.offers("node_types")
    probe = NodeType("probe", "Probe.", {"type": "object"}, compute=lambda config, data: Result())
    app.offers.keep("node_types", {**before, "probe": probe}, "mail")
    with organization_scope(owner.organization_id), app.database.transaction():
        features.switch(owner.organization_id, "mail", enabled=False)
    yield
    app.offers.keep("node_types", before)


def told(owner: Person, definition: Any) -> list[dict[str, Any]]:
    """What the endpoint says of the definition, without hints."""
    answer = owner.client.post("/workflows/validate", {"definition": definition})
    assert answer.status == 200, answer.body
    return [fault for fault in answer.data["faults"] if not fault["is_hint"]]


def places(faults: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((fault["path"], fault["code"]) for fault in faults)


def test_a_definition_without_faults_is_valid(owner: Person) -> None:
    answer = owner.client.post("/workflows/validate", {"definition": BASE})
    assert answer.data == {"is_valid": True, "faults": []}


@pytest.mark.long
def test_each_fault_is_told_once_where_it_is(owner: Person) -> None:
    for planted in PLANTED:
        definition, expected = planted_into(BASE, [planted])
        faults = told(owner, definition)
        assert (places(faults), planted.says in faults[0]["message"]) == (expected, True), faults


@pytest.mark.long
def test_forty_faults_in_one_definition_are_forty_errors(owner: Person) -> None:
    definition, expected = planted_into(BASE, PLANTED)
    assert places(told(owner, definition)) == sorted(expected)
    assert len(expected) == 40


@pytest.mark.long
def test_each_of_these_definitions_has_one_fault(owner: Person) -> None:
    found = [(definition, *[(fault["code"], fault["path"]) for fault in told(owner, definition)]) for definition, _, _ in FAULTY]
    assert found == [(definition, (code, path)) for definition, code, path in FAULTY]


@pytest.mark.long
def test_these_definitions_have_hints_only(owner: Person) -> None:
    for definition, hints in FINE:
        answer = owner.client.post("/workflows/validate", {"definition": definition})
        assert (answer.data["is_valid"], places(answer.data["faults"])) == (True, hints), definition
