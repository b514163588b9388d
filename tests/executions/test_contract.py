"""The contract that every plugin keeps, kept by executions."""

from collections.abc import Mapping

from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.tenancy.records import Organization
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Client, Person, World
from aasim_plugins.executions.models import ToolCall


def cancel(client: Client, path: str) -> None:
    """Bring an execution to its end, so that it can be repeated."""
    client.post(path.replace("/retry", "/cancel"))


def pause(client: Client, path: str) -> None:
    """Pause an execution, so that it can be resumed."""
    client.post(path.replace("/resume", "/pause"))


#: What has to have happened to an execution before it can be repeated or resumed.
BEFORE = {"POST /executions/{execution_id}/retry": cancel, "POST /executions/{execution_id}/resume": pause}


def add_tool_call(world: World, person: Person, ids: Mapping[str, str]) -> None:
    """A tool call that a model proposes, each in a turn of its own; the tool is named after the organization."""
    with organization_scope(person.organization_id), records.database_of(ToolCall).transaction():
        turn = ToolCall.select().where(ToolCall.execution_id == ids["execution_id"]).count() + 1
        name = Organization.get_by_id(person.organization_id).name
        records.create(
            ToolCall, execution_id=ids["execution_id"], turn=turn, position=0, call_id="call_1", name=f"look at {name}"
        )


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "executions"
    companions = ("agents",)
    objects = {"execution_id": "POST /agents/{agent_id}/execute"}
    samples = {"POST /agents/{agent_id}/execute": {"input": "Hello"}}
    rows = {"GET /executions": "POST /agents/{agent_id}/execute", "GET /executions/{execution_id}/tool-calls": add_tool_call}
    before = BEFORE
