"""Imported workflows against the specification's own tests: each scenario is imported, runs, and is met, or is listed with a reason."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aasim_core.testing.peer import Handler, Peer, serving
from aasim_core.testing.world import Person

from ..conftest import Shed, read
from ..scenarios import Scenario, scenarios, unmet, unsupported

pytestmark = pytest.mark.long

_SHOP = "https://petstore.swagger.io/v2"
_OPERATION = f"{_SHOP}/swagger.json#findPetsByStatus"
_PETS = [{"id": number, "name": f"Pet {number}", "status": "available"} for number in (1, 2)]


def _answer(handler: Handler) -> None:
    """What the shop answers of which the scenarios speak."""
    path = handler.path.partition("?")[0]
    found: Any = _PETS if path.endswith("/findByStatus") else next((pet for pet in _PETS if path == f"/pet/{pet['id']}"), None)
    handler.answer(404 if found is None else 200, found or {"message": "Pet not found"}, Content_Type="application/json")


@pytest.fixture
def shop() -> Iterator[Peer]:
    """A shop on loopback instead of the one in the internet."""
    with serving() as peer:
        peer.behaviour = _answer
        yield peer


def _placed(value: Any, url: str) -> Any:
    """The document, with another address of the shop in calls of HTTP."""
    if isinstance(value, dict):
        return {name: each if name == "document" else _placed(each, url) for name, each in value.items()}
    if isinstance(value, list):
        return [_placed(each, url) for each in value]
    return value.replace(_SHOP, url) if isinstance(value, str) else value


@pytest.mark.parametrize("scenario", list(scenarios()), ids=lambda scenario: scenario.name)
def test_a_scenario_is_met_or_listed(owner: Person, work: Callable[[], int], shop: Peer, shed: Shed, scenario: Scenario) -> None:
    shed.does["pets"] = lambda use: _PETS
    mapping = {_OPERATION: "shed:pets"} if _OPERATION.partition("#")[2] in str(scenario.document) else {}
    body = {"format": "serverless_workflow", "document": _placed(scenario.document, shop.url), "mapping": mapping}
    told = owner.client.post("/workflows/import", body).data
    if scenario.name in unsupported() and any(part["result"] == "left_out" for part in told["parts"]):
        return
    workflow = owner.client.patch(f"/workflows/{told['workflow']['id']}", {"status": "active"})
    assert workflow.status == 200, (workflow.body, told["definition"])
    run = owner.client.post(f"/workflows/{told['workflow']['id']}/execute", {"input": scenario.given}).data
    work()
    tasks = {part["node"]: part["path"].rpartition("/")[2] for part in told["parts"] if part["node"]}
    missing = unmet(scenario, read(owner, run["id"]), tasks)
    assert bool(missing) == (scenario.name in unsupported()), (missing, read(owner, run["id"])["execution"], told["definition"])


def test_every_scenario_is_there_and_what_is_listed_is_one() -> None:
    names = [scenario.name for scenario in scenarios()]
    assert len(names) == len(set(names)) == 21
    assert unsupported() <= set(names)
