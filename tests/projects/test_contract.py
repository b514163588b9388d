"""The contract that every plugin keeps, kept by projects."""

from secrets import token_hex
from typing import Any

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World


def _projects(world: World, person: Person) -> dict[str, Any]:
    """One whose key no other has."""
    return {"name": "Website", "key": f"WEB-{token_hex(4).upper()}"}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "projects"
    samples = {"POST /projects": _projects, "PUT /projects/{project_id}/status": {"status": "on_hold", "reason": "A test."}}
    rows = {"GET /departments/{department_id}/projects": "POST /projects"}
