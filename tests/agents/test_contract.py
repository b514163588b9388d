"""The contract that every plugin keeps, kept by agents."""

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.contract.terms import halt
from aasim_core.testing.world import Client


def _change_instructions(client: Client, path: str) -> None:
    """Make a second version, so that restoring the first one changes something."""
    client.patch(path.partition("/versions")[0], {"instructions": "Something else."})


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "agents"
    samples = {
        "POST /agents/{agent_id}/execute": {"input": "Hello"},
        "POST /agents/import": {"document": {"format": "aasim.agent/1", "name": "Imported", "definition": {}}},
    }
    rows = {"GET /agents/{agent_id}/executions": "POST /agents/{agent_id}/execute"}
    objects = {"number": lambda world, person: "1"}
    before = {"POST /agents/{agent_id}/versions/{number}/restore": _change_instructions, "POST /agents/{agent_id}/resume": halt}
    placed = {"POST /agents": {"visibility": "project"}}
