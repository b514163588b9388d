"""With whose rights flows start something, what keeps them from it, and how their runs go."""

from collections.abc import Mapping
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.principals import key_of
from aasim_core.testing.world import World

from .conftest import Clock, Flows


def test_the_rights_of_who_wrote_it_count_when_it_is_due(flows: Flows, world: World, clock: Clock) -> None:
    builder = world.member(flows.owner, "builder")
    flow_id = flows.make({"type": "interval", "seconds": 60}, builder.client)
    flows.until("2026-03-02T07:31:00Z")
    flows.client.put(f"/users/{builder.user_id}/status", {"status": "suspended", "reason": "Left."})
    flows.until("2026-03-02T07:32:00Z")
    assert flows.told(flow_id) == ["02 07:31 started", "02 07:32 refused permission_denied"]
    assert "may not act in the organization" in flows.firings(flow_id)[1]["explanation"]
    [told] = flows.events("job_flows.refused")
    assert (told.data["due_at"], told.data["code"]) == ("2026-03-02T07:32:00.000Z", "permission_denied")


def leave_to(flows: Flows, world: World, asker: Any, successor_id: str) -> str:
    """A flow of a builder who has left, which the successor has now."""
    builder = world.member(flows.owner, "builder")
    flow_id = flows.make({"type": "interval", "seconds": 60}, builder.client)
    left = {"status": "deactivated", "reason": "Left.", "reassign_to": successor_id}
    assert asker.put(f"/users/{builder.user_id}/status", left).data["reassigned"] > 0
    return flow_id


def test_nothing_starts_with_the_rights_of_a_successor_who_was_not_asked(flows: Flows, world: World) -> None:
    admin = world.member(flows.owner, "admin")
    flow_id = leave_to(flows, world, admin.client, flows.owner.user_id)
    left = flows.client.get(f"/job-flows/{flow_id}").data
    assert (left["owner_id"], left["status"], left["status_reason"]) == (flows.owner.user_id, "paused", "handed_over")
    assert flows.client.get(f"/activities?action=job_flows.paused&subject_id={flow_id}").data["items"][0]["data"] == {
        "reason": "handed_over"
    }
    flows.until("2026-03-02T07:31:00Z")
    assert not any("started" in told for told in flows.told(flow_id))


def test_who_activates_what_was_handed_over_is_the_owner(flows: Flows, world: World) -> None:
    admin = world.member(flows.owner, "admin")
    flow_id = leave_to(flows, world, admin.client, flows.owner.user_id)
    for status in ("disabled", "active"):
        switched = admin.client.put(f"/job-flows/{flow_id}/status", {"status": status}).data
    assert (switched["owner_id"], switched["status_reason"]) == (admin.user_id, "by_hand")
    flows.until("2026-03-02T07:31:00Z")
    assert flows.told(flow_id)[-1] == "02 07:31 started"


def test_a_successor_who_asks_for_it_keeps_the_flow_going(flows: Flows, world: World) -> None:
    admin = world.member(flows.owner, "admin")
    flow_id = leave_to(flows, world, admin.client, admin.user_id)
    flows.until("2026-03-02T07:31:00Z")
    assert flows.told(flow_id) == ["02 07:31 started"]


def test_what_somebody_else_writes_is_started_with_their_rights(flows: Flows, world: World) -> None:
    builder = world.member(flows.owner, "builder")
    flow_id = flows.make({"type": "manual"})
    renamed = builder.client.patch(f"/job-flows/{flow_id}", {"description": "Better."}).data
    rewritten = builder.client.patch(f"/job-flows/{flow_id}", {"input": "Do something else."}).data
    assert (renamed["owner_id"], rewritten["owner_id"]) == (flows.owner.user_id, builder.user_id)


@pytest.mark.parametrize(
    "trigger", [{"type": "webhook", "verification": {"scheme": "none"}}, {"type": "event", "pattern": "agents.created"}]
)
def test_who_lets_input_come_from_elsewhere_is_the_owner(flows: Flows, world: World, trigger: Mapping[str, Any]) -> None:
    admin = world.member(flows.owner, "admin")
    flow_id = flows.make({"type": "manual"})
    assert admin.client.patch(f"/job-flows/{flow_id}", {"trigger": trigger}).data["owner_id"] == admin.user_id


def test_who_writes_the_secret_of_requests_is_the_owner(flows: Flows, world: World) -> None:
    builder = world.member(flows.owner, "builder")
    flow_id = flows.make({"type": "webhook", "verification": {"scheme": "bearer", "secret": "first" * 8}})
    written = {"trigger": {"verification": {"secret": "second" * 8}}}
    assert builder.client.patch(f"/job-flows/{flow_id}", written).data["owner_id"] == builder.user_id


def test_who_gets_the_address_is_the_owner(flows: Flows, world: World) -> None:
    builder = world.member(flows.owner, "builder")
    flow_id = flows.make({"type": "webhook", "verification": {"scheme": "none"}})
    assert builder.client.post(f"/job-flows/{flow_id}/rotate-token").data["owner_id"] == builder.user_id
    [told] = flows.events("job_flows.token_rotated")
    assert told.changes["owner_id"] == [flows.owner.user_id, builder.user_id]


def test_who_may_not_start_it_gets_no_address(flows: Flows, world: World) -> None:
    builder = world.member(flows.owner, "builder")
    hidden = flows.make_agent("Hidden", visibility="private")
    flow_id = flows.ask({"type": "webhook", "verification": {"scheme": "none"}}, agent_id=hidden).data["id"]
    for answer in (
        builder.client.post(f"/job-flows/{flow_id}/rotate-token"),
        builder.client.patch(f"/job-flows/{flow_id}", {"trigger": {"type": "event", "pattern": "agents.created"}}),
    ):
        assert answer.codes == {"target.id": ["invalid_reference"]}


def test_a_change_of_a_schedule_leaves_the_owner(flows: Flows, world: World) -> None:
    builder = world.member(flows.owner, "builder")
    flow_id = flows.make({"type": "interval", "seconds": 60})
    changed = builder.client.patch(f"/job-flows/{flow_id}", {"trigger": {"seconds": 120}}).data
    assert changed["owner_id"] == flows.owner.user_id


def test_what_an_api_key_wrote_has_the_rights_of_the_key(flows: Flows, clock: Clock) -> None:
    scopes = ["job_flows:create", "job_flows:read", "agents:read", "agents:execute"]
    key = key_of(flows.app, flows.owner, scopes)
    flow_id = flows.make({"type": "interval", "seconds": 60}, key.client)
    flows.until("2026-03-02T07:31:00Z")
    [key_id] = [each["id"] for each in flows.client.get("/api-keys").data["items"]]
    assert flows.runs()[0]["initiator_id"] == flows.owner.user_id
    flows.client.post(f"/api-keys/{key_id}/toggle", {"status": "disabled"})
    flows.until("2026-03-02T07:32:00Z")
    assert flows.told(flow_id) == ["02 07:31 started", "02 07:32 refused permission_denied"]


def test_what_one_may_not_run_cannot_be_chosen(flows: Flows, world: World) -> None:
    hidden = flows.make_agent("Hidden", visibility="private")
    builder = world.member(flows.owner, "builder")
    answer = flows.ask({"type": "manual"}, builder.client, agent_id=hidden)
    assert answer.codes == {"target.id": ["invalid_reference"]}


def test_an_agent_that_is_gone_is_refused(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1)
    flows.client.delete(f"/agents/{flows.agent_id}")
    flows.until("2026-03-02T07:31:00Z")
    assert flows.told(flow_id) == ["02 07:31 refused not_found"]


@pytest.mark.long
def test_while_what_it_starts_is_off_it_is_parked_and_goes_on_afterwards(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(10)
    _switch(flows, "agents", enabled=False)
    flows.until("2026-03-02T07:50:00Z")
    assert flows.told(flow_id) == ["02 07:40 missed superseded", "02 07:50 parked feature_disabled"]
    _switch(flows, "agents", enabled=True)
    clock.pass_by(minutes=2)
    flows.watch()
    assert flows.told(flow_id) == ["02 07:40 missed superseded", "02 07:50 started"]


@pytest.mark.long
def test_while_flows_are_off_nothing_happens_and_they_go_on_afterwards(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(10)
    _switch(flows, "job_flows", enabled=False)
    flows.until("2026-03-02T07:55:00Z")
    _switch(flows, "job_flows", enabled=True)
    clock.pass_by(seconds=2)
    flows.watch()
    assert flows.told(flow_id) == ["02 07:40 missed superseded", "02 07:50 started"]


@pytest.mark.long
def test_in_a_halted_organization_it_is_parked(flows: Flows, clock: Clock) -> None:
    flow_id, place = flows.every(10), f"/organizations/{flows.owner.organization_id}"
    flows.client.post(f"{place}/halt", {"reason": "Stop."})
    flows.until("2026-03-02T07:40:00Z")
    [firing] = flows.firings(flow_id)
    assert (firing["outcome"], firing["reason"]) == ("parked", "invalid_state")
    assert "halted" in firing["explanation"]
    flows.client.post(f"{place}/resume")
    clock.pass_by(seconds=30)
    flows.watch()
    assert flows.told(flow_id) == ["02 07:40 started"]


def test_in_an_archived_project_it_is_parked(flows: Flows, clock: Clock) -> None:
    project_id = flows.client.post("/projects", {"name": "Old", "key": "OLD"}).data["id"]
    flow_id = flows.every(10, project_id=project_id)
    flows.client.put(f"/projects/{project_id}/status", {"status": "archived", "reason": "Over."})
    flows.until("2026-03-02T07:40:00Z")
    assert flows.told(flow_id) == ["02 07:40 parked invalid_state"]


@pytest.mark.long
def test_a_flow_that_fails_again_and_again_is_paused(flows: Flows, clock: Clock) -> None:
    failing = flows.make_agent("Failing", parameters={"fault": "refused"})
    flow_id = flows.every(1, agent_id=failing, auto_pause_after=3)
    flows.until("2026-03-02T07:34:00Z")
    read = flows.read(flow_id)
    assert (read["status"], read["status_reason"], read["streak"]) == ("paused", "failing", -3)
    assert flows.told(flow_id)[-1] == "02 07:34 skipped paused"
    [told] = flows.events("job_flows.paused")
    assert (told.data, told.actor_type) == ({"reason": "failing"}, "system")
    assert flows.switch(flow_id, "active").data["streak"] == 0


def test_a_success_begins_a_new_streak(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1)
    flows.until("2026-03-02T07:33:00Z")
    assert flows.read(flow_id)["streak"] == 3


@pytest.mark.long
def test_stats_tell_how_a_flow_does(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(10)
    flows.until("2026-03-02T07:50:00Z")
    flows.switch(flow_id, "paused")
    flows.until("2026-03-02T08:10:00Z")
    assert flows.stats(flow_id) == {
        "flow_name": "Report",
        "since_at": "2026-01-31T08:10:00.000Z",
        "runs": 2,
        "succeeded": 2,
        "failed": 0,
        "cancelled": 0,
        "going_on": 0,
        "success_rate": 1.0,
        "not_started": [{"outcome": "skipped", "reason": "paused", "count": 2}],
        "lateness_p95_ms": 0,
        "costs": [{"currency": "USD", "cost": 0}],
        "streak": 2,
        "last_success_at": "2026-03-02T07:50:00.000Z",
    }


def test_a_workflow_is_started_too(flows: Flows, clock: Clock) -> None:
    nodes = [{"id": "told", "type": "transform", "config": {"value": "{{ input.day }}"}}]
    definition = {"language": 1, "nodes": nodes, "output": {"day": "{{ nodes.told.output }}"}}
    body = {"name": "Daily", "status": "active", "definition": definition}
    workflow_id = flows.client.post("/workflows", body).data["id"]
    flow_id = flows.every(1, target={"type": "workflow", "id": workflow_id}, input={"day": "{{ due.date }}"})
    flows.until("2026-03-02T07:31:00Z")
    [run] = flows.runs()
    assert (flows.told(flow_id), run["output"]) == (["02 07:31 started"], {"day": "2026-03-02"})
    assert flows.read(flow_id)["streak"] == 1


def test_a_flow_is_started_by_hand_with_the_rights_of_who_does(flows: Flows, world: World) -> None:
    operator = world.member(flows.owner, "operator")
    flow_id = flows.make({"type": "manual"})
    started = operator.client.post(f"/job-flows/{flow_id}/trigger", {})
    assert (started.status, started.data["initiator_id"], started.data["input"]) == (202, operator.user_id, "Go.")
    [firing] = flows.firings(flow_id)
    assert (firing["origin"], firing["outcome"], firing["execution_id"]) == ("manual", "started", started.data["id"])
    assert flows.events("job_flows.triggered")[0].data == {"execution_id": started.data["id"], "is_forced": False}


def test_an_input_can_be_given_by_hand(flows: Flows) -> None:
    flow_id = flows.make({"type": "manual"}, input="{{ due.at }}")
    assert flows.client.post(f"/job-flows/{flow_id}/trigger", {"input": "Now."}).data["input"] == "Now."
    flows.work()
    assert flows.client.post(f"/job-flows/{flow_id}/trigger", {}).data["input"] == "2026-03-02T07:30:00.000Z"


@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_what_is_not_active_starts_by_force_only(flows: Flows, status: str) -> None:
    flow_id = flows.every(1)
    flows.switch(flow_id, status)
    assert flows.client.post(f"/job-flows/{flow_id}/trigger", {}).codes == {"_": ["invalid_state"]}
    assert flows.client.post(f"/job-flows/{flow_id}/trigger", {"force": True}).status == 202


def _switch(flows: Flows, plugin: str, *, enabled: bool) -> None:
    with organization_scope(flows.owner.organization_id), flows.app.database.transaction():
        features.switch(flows.owner.organization_id, plugin, enabled)
    flows.app.organization_states.forget(flows.owner.organization_id)
