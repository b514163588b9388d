"""The contract that every plugin keeps, kept by hitl_approvals."""

from collections.abc import Mapping
from typing import Any

from aasim_core.context import organization_scope
from aasim_core.ids import new_id
from aasim_core.tenancy.records import Organization
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Client, Person, World
from aasim_plugins.hitl_approvals.policies.rules import PolicyDecision
from aasim_plugins.hitl_approvals.service import Approvals, Asked


def _engine(person: Person) -> str:
    """The built-in engine that plays scripts: others may be deleted."""
    engines = person.client.get("/engines?provider=scripted").data["items"]
    return next(str(engine["id"]) for engine in engines if engine["built_in"])


def _approvals(world: World, person: Person, number: int) -> list[str]:
    """Approvals in the person's organization that somebody else has asked for, and two decide; its name stands in their titles."""
    world.member(person, "approver")
    requester = world.member(person, "operator").user_id
    engine = _engine(person)
    agent = person.client.post("/agents", {"name": new_id("name"), "engine_id": engine}).data["id"]
    run = person.client.post(f"/agents/{agent}/execute", {"input": "Hello"}).data["id"]
    with organization_scope(person.organization_id), world.app.database.transaction():
        name, approvals = Organization.get_by_id(person.organization_id).name, Approvals(world.app)
        asked = Asked(title=f"Refund of {name}", payload={"amount": 5}, risk="high", initiator_id=requester, execution_id=run)
        return [approvals.request(asked, PolicyDecision(quorum=2)).id for _ in range(number)]


def _approval(world: World, person: Person) -> str:
    return _approvals(world, person, 1)[0]


def _row(world: World, person: Person, ids: Mapping[str, str]) -> object:
    return _approval(world, person)


def _rubric(world: World, person: Person) -> Mapping[str, Any]:
    engine = _engine(person)
    criterion = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 10}}
    body = {"name": new_id("name"), "criteria": [criterion]}
    return {"rubric_id": person.client.post(f"/engines/{engine}/rubrics", body).data["id"]}


def _reject(client: Client, path: str) -> None:
    assert client.post(path.replace("/example", "/reject"), {"comment": "No."}).status == 200


def _vote(client: Client, path: str) -> None:
    assert client.post(path.replace("/withdraw", "/approve"), {}).status == 200


def _colleague(world: World, person: Person) -> Mapping[str, Any]:
    return {"to_user_id": world.member(person, "approver").user_id, "expires_at": "2099-01-31T09:00:00Z"}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "hitl_approvals"
    objects = {"approval_id": _approval}
    rows = {"GET /hitl-approvals": _row, "GET /hitl-approvals/pending": _row}
    grown = {"approval": _approvals}
    companions = ("agents", "engine_scripted", "rubrics")
    samples = {"POST /hitl-approvals/delegations": _colleague, "POST /hitl-approvals/{approval_id}/example": _rubric}
    before = {"POST /hitl-approvals/{approval_id}/example": _reject, "POST /hitl-approvals/{approval_id}/withdraw": _vote}
