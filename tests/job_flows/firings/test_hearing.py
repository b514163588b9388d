"""Who may have events start something: nobody hears what they could not read."""

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Role
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World

from ..conftest import Flows
from .test_events import on, outcomes


@pytest.fixture
def builder(owner: Person, world: World) -> Person:
    """Somebody who makes job flows, and may not read the log."""
    return world.member(owner, "builder")


def test_events_of_the_organization_need_the_permission_to_read_the_log(flows: Flows, builder: Person) -> None:
    agent_id = flows.make_agent("Mine", builder.client)
    refused = flows.ask({"type": "event", "pattern": "users.*"}, builder.client, agent_id=agent_id)
    assert (refused.status, refused.codes) == (403, {"_": ["permission_denied"]})
    assert refused.body["errors"]["_"][0]["meta"] == {"permission": "activities:read"}
    assert flows.ask({"type": "event", "pattern": "custom.*"}, builder.client, agent_id=agent_id).status == 201


def test_a_flow_that_is_there_is_not_a_way_to_hear_more(flows: Flows, builder: Person) -> None:
    agent_id = flows.make_agent("Mine", builder.client)
    mine = flows.make({"type": "interval", "seconds": 3600}, builder.client, agent_id=agent_id)
    theirs = on(flows, "users.*", name="Theirs")
    for flow_id, change in ((mine, {"trigger": {"type": "event", "pattern": "*"}}), (theirs, {"input": "{{ event.data }}"})):
        assert builder.client.patch(f"/job-flows/{flow_id}", change).status == 403


def test_who_has_lost_the_permission_hears_nothing_more(flows: Flows, builder: Person) -> None:
    with organization_scope(builder.organization_id), flows.app.database.transaction():
        grant = grants.grant("user", builder.user_id, Role.get(Role.name == "auditor"), None)
    agent_id = flows.make_agent("Mine", builder.client)
    flow_id = flows.make({"type": "event", "pattern": "agents.created"}, builder.client, agent_id=agent_id)
    flows.work()
    with organization_scope(builder.organization_id), flows.app.database.transaction():
        grants.revoke(grant.id)
    flows.make_agent("One")
    flows.work()
    assert outcomes(flows, flow_id) == [("refused", "permission_denied", 1)]
    assert "activities:read" in flows.firings(flow_id)[0]["explanation"]
