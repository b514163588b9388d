"""The contract that every plugin keeps, kept by engines."""

from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.ids import new_id
from aasim_core.tenancy.records import Organization
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract.terms import halt
from aasim_core.testing.world import Person, World
from aasim_plugins.engines.calls.records import ANSWERED, EngineCall


def _call(world: World, person: Person) -> str:
    """A call to a model that is named after the organization."""
    with organization_scope(person.organization_id), world.app.database.transaction():
        name = Organization.get_by_id(person.organization_id).name
        taken = {"model": f"The model of {name}", "outcome": ANSWERED, "input_tokens": 12, "cost": 3, "currency": "EUR"}
        return str(records.create(EngineCall, engine_id=new_id("engine"), **taken).id)


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "engines"
    companions = ("engine_scripted",)
    samples = {
        "POST /engines": {"name": "Mine", "provider": "scripted"},
        "POST /engines/calls/{call_id}/correct": {"input_tokens": 11, "reason": "The provider's invoice."},
    }
    objects = {"call_id": _call}
    rows = {"GET /engines/calls": lambda world, person, ids: _call(world, person)}
    before = {"POST /engines/{engine_id}/resume": halt}
    everywhere = dict.fromkeys(("GET /engines", "GET /engines/{engine_id}"), "an agent of a project runs on one of them")
