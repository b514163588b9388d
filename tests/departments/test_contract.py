"""The contract that every plugin keeps, kept by departments."""

from secrets import token_hex
from typing import Any

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World


def _departments(world: World, person: Person) -> dict[str, Any]:
    """One whose code no other has."""
    return {"name": "Care", "code": f"CARE-{token_hex(4).upper()}"}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "departments"
    unasked = {"departments:appoint": "It is asked for where a head is named."}
    samples = {"POST /departments": _departments}
    rows = {
        "GET /organizations/{organization_id}/departments": "POST /departments",
        "GET /branches/{branch_id}/departments": "POST /departments",
    }
