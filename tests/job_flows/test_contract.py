"""The contract that every plugin keeps, kept by job flows."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.tenancy.records import Organization
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Client, Person, World
from aasim_plugins.job_flows.models import Backfill, Firing


def _flow(world: World, person: Person) -> Mapping[str, Any]:
    """A flow that starts an agent of theirs."""
    agent = person.client.post("/agents", {"name": f"Reporter {token_hex(4)}"}).data
    return {
        "name": f"Report {token_hex(4)}",
        "target": {"type": "agent", "id": agent["id"]},
        "trigger": {"type": "cron", "expression": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"},
        "input": "What is new?",
    }


def _token(world: World, person: Person) -> str:
    """Others may send to a flow of theirs."""
    body = {**_flow(world, person), "trigger": {"type": "webhook", "verification": {"scheme": "none"}}}
    return str(person.client.post("/job-flows", body).data["hook_path"]).rpartition("/")[2]


def _becomes_hook(client: Client, path: str) -> None:
    """Only a trigger of that type has an address."""
    body = {"trigger": {"type": "webhook", "verification": {"scheme": "none"}}}
    client.patch(path.removesuffix("/rotate-token"), body)


def _house(person: Person) -> str:
    """The name of the organization, which nobody else may see."""
    with organization_scope(person.organization_id):
        return str(Organization.get_by_id(person.organization_id).name)


def _firing(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """A request has been skipped."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        at = now()
        told = {"outcome": "skipped", "reason": "paused", "explanation": f"{_house(person)} rests."}
        came = {"origin": "webhook", "payload": {"body": f"For {_house(person)}.", "headers": {}}}
        return str(create(Firing, flow_id=ids["flow_id"], key=token_hex(8), due_at=at, starts_at=at, **came, **told).id)


def _backfill(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """Somebody has had due times of the past started."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        asked = {
            "flow_name": f"Report of {_house(person)}",
            "since_at": now(),
            "until_at": now(),
            "only": "all",
            "count": 1,
            "created_by": person.user_id,
        }
        return str(create(Backfill, flow_id=ids["flow_id"], **asked).id)


def _other_key(world: World, person: Person) -> Mapping[str, Any]:
    return {"key": token_hex(8)}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "job_flows"
    companions = ("agents", "engine_scripted")
    samples = {
        "POST /job-flows": _flow,
        "PUT /job-flows/{flow_id}": _flow,
        "PATCH /job-flows/{flow_id}": {"description": "Another"},
        "POST /job-flows/{flow_id}/trigger": {"input": "Now."},
        "POST /job-flows/{flow_id}/backfill": {"since_at": "2026-03-01T00:00:00Z", "until_at": "2026-03-08T00:00:00Z"},
        "POST /job-flows/simulate": {
            "schedule": {"trigger": {"type": "interval", "seconds": 3_600}},
            "since_at": "2026-03-29T00:00:00Z",
            "until_at": "2026-03-30T00:00:00Z",
        },
    }
    silent = {
        **dict.fromkeys(("POST /job-flows/preview", "POST /job-flows/simulate"), "it computes, and keeps nothing"),
        "POST /job-flows/{flow_id}/executions/start": "a new flow has left out nothing that it could start",
    }
    objects = {"token": _token}
    before = {"POST /job-flows/{flow_id}/rotate-token": _becomes_hook}
    members = {"/job-flows/{flow_id}/executions/{firing_id}": _firing, "/job-flows/{flow_id}/backfills/{backfill_id}": _backfill}
    rows = {"GET /job-flows/{flow_id}/executions": _firing, "GET /job-flows/{flow_id}/backfills": _backfill}
    copies = {"firing": _other_key, "flow": lambda world, person: {"name": token_hex(8), "hook_digest": None}}
