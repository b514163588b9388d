"""Who may have runs wait for events of the organization: nobody hears what they could not read."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person, World

from ..conftest import node, read

Faults = Callable[..., dict[str, str]]


@pytest.fixture
def builder(owner: Person, world: World) -> Person:
    """Somebody who makes workflows, and may not read the log."""
    return world.member(owner, "builder")


def faults(person: Person, event: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a wait for such events, for this person."""
    definition = {"language": 1, "nodes": [node("heard", "wait", event=event)]}
    told = person.client.post("/workflows/validate", {"definition": definition}).data["faults"]
    return {fault["path"].removeprefix("nodes.heard.config."): fault["code"] for fault in told}


@pytest.mark.parametrize("name", ["users.created", "users.*", "*.created", "*"])
def test_events_of_the_organization_need_the_permission_to_read_the_log(builder: Person, owner: Person, name: str) -> None:
    assert faults(builder, {"name": name}) == {"event.name": "permission_denied"}
    assert faults(owner, {"name": name}) == {}


def test_what_workflows_tell_is_for_those_who_see_all_of_them(builder: Person, owner: Person, world: World) -> None:
    local = world.member(owner, "builder", world.node(owner, "project"))
    assert faults(builder, {"name": "custom.*"}) == faults(builder, {"name": "custom.paid"}) == {}
    assert faults(local, {"name": "custom.paid"}) == {"event.name": "permission_denied"}


def test_a_draft_may_hold_it_and_is_not_active_before_somebody_who_may_has_written_it(builder: Person) -> None:
    definition = {"language": 1, "nodes": [node("heard", "wait", event={"name": "users.*"})]}
    refused = builder.client.post("/workflows", {"name": "Hears", "status": "active", "definition": definition})
    assert (refused.status, list(refused.codes)) == (422, ["definition.nodes.heard.config.event.name"])
    assert builder.client.post("/workflows", {"name": "Hears", "status": "draft", "definition": definition}).status == 201


@pytest.mark.parametrize("subject", ["{{ input }}", "{{ run.id }}", "order 7"])
def test_a_subject_that_is_filled_in_later_is_no_run_of_ones_own(builder: Person, subject: str) -> None:
    assert faults(builder, {"name": "executions.*", "subject_id": subject}) == {"event.name": "permission_denied"}


def test_a_run_of_ones_own_is_heard_of(owner: Person, make: Any, world: World, work: Callable[[], int]) -> None:
    operator = world.member(owner, "operator")
    waits = make([node("heard", "wait", event={"name": "executions.*", "subject_id": "{{ input }}"})])
    ended = make([node("nap", "wait", signal={"name": "go"})])

    def start(workflow: dict[str, Any], given: Any, person: Person = operator) -> str:
        return str(person.client.post(f"/workflows/{workflow['id']}/execute", {"input": given}).data["id"])

    mine, theirs = start(ended, None), start(ended, None, owner)
    work()
    hears, may_not = start(waits, mine), start(waits, theirs)
    work()
    told = read(owner, may_not)["execution"]
    assert (told["status"], told["error"]["code"]) == ("failed", "permission_denied")
    assert "activities:read" in told["error"]["message"]
    assert read(owner, hears)["execution"]["status"] != "failed"


def test_whoever_starts_a_run_has_to_be_allowed_to_hear_it(
    owner: Person, make: Any, world: World, work: Callable[[], int]
) -> None:
    waits = make([node("heard", "wait", event={"name": "users.created"})])
    for role, status in (("operator", "failed"), ("admin", "waiting")):
        person = world.member(owner, role)
        run_id = person.client.post(f"/workflows/{waits['id']}/execute", {"input": None}).data["id"]
        work()
        assert read(owner, run_id)["execution"]["status"] == status
