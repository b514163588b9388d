"""The contract that every plugin keeps, kept by executions."""

from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Client


def _cancel(client: Client, path: str) -> None:
    """Bring an execution to its end, so that it can be repeated."""
    client.post(path.replace("/retry", "/cancel"))


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "executions"
    objects = {"execution_id": "POST /agents/{agent_id}/execute"}
    samples = {"POST /agents/{agent_id}/execute": {"input": "Hello"}}
    rows = {
        "GET /executions": "POST /agents/{agent_id}/execute",
        "GET /agents/{agent_id}/executions": "POST /agents/{agent_id}/execute",
    }
    before = {"POST /executions/{execution_id}/retry": _cancel}
