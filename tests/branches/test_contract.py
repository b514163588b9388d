"""The contract that every plugin keeps, kept by branches."""

from secrets import token_hex
from typing import Any

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World


def _branches(world: World, person: Person) -> dict[str, Any]:
    """One whose code no other has."""
    return {"name": "Vienna", "code": f"VIE-{token_hex(4).upper()}"}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "branches"
    unasked = {"branches:appoint": "It is asked for where a manager is named."}
    samples = {"POST /branches": _branches}
    rows = {"GET /organizations/{organization_id}/branches": "POST /branches"}
