"""Refused changes are in the log of events, whoever refuses them, and a flood of them is not."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.events.records import EventRow
from aasim_core.http.denial_log import MOST_OF_ORGANIZATION, MOST_OF_PRINCIPAL
from aasim_core.http.rate_counters import MemoryWindows
from aasim_core.testing.principals import key_of, member_with
from aasim_core.testing.world import Person, World

Denied = Callable[[Person], list[EventRow]]


@pytest.fixture(autouse=True)
def no_minute_ends(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no minute end in the middle of a test, which would make room for more."""
    monkeypatch.setattr(app.refusals, "_windows", MemoryWindows(clock=lambda: 0.0))


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def denied(app: App) -> Denied:
    """The refusals in the log of somebody's organization."""

    def read(person: Person) -> list[EventRow]:
        with system_scope("test"):
            theirs = (EventRow.organization_id == person.organization_id) & (EventRow.name == "core.permission_denied")
            return list(EventRow.select().where(theirs).order_by(EventRow.id))

    return read


def test_a_change_that_somebody_has_no_right_to_is_in_the_log(world: World, owner: Person, denied: Denied) -> None:
    viewer = world.member(owner, "viewer")
    assert viewer.client.post("/agents", {"name": "Mine"}, X_Request_Id="0123456789abcdef").status == 403
    [event] = denied(owner)
    assert (event.outcome, event.actor_id, event.actor_ip, event.request_id) == (
        "denied",
        viewer.user_id,
        "127.0.0.1",
        "0123456789abcdef",
    )
    assert (event.subject_type, event.subject_label) == ("operation", "POST /agents")
    assert event.data == {"operation": "POST /agents", "code": "permission_denied", "permission": "agents:create"}


def test_a_refused_change_of_an_object_names_the_object(world: World, owner: Person, denied: Denied) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data["id"]
    assert world.member(owner, "viewer").client.delete(f"/agents/{agent}").status == 403
    [event] = denied(owner)
    assert (event.subject_type, event.subject_id) == ("agent", agent)


def test_a_change_that_is_refused_in_its_own_transaction_is_in_the_log(world: World, owner: Person, denied: Denied) -> None:
    project = world.node(owner, "project")
    member = member_with(world, owner, ["agents:read", "agents:create"], project)
    assert member.client.post("/agents", {"name": "For everybody"}).status == 403
    assert [event.data["permission"] for event in denied(owner)] == ["agents:create"]


def test_what_a_key_may_not_do_at_all_is_in_the_log(app: App, owner: Person, denied: Denied) -> None:
    key = key_of(app, owner, app.permissions)
    assert key.client.post("/auth/logout", {}).codes == {"_": ["session_required"]}
    [event] = denied(owner)
    assert (event.actor_type, event.data["code"]) == ("api_key", "session_required")


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get("/activities"),
        lambda client: client.post("/agents", {"nam": "x"}),
        lambda client: client.delete("/agents/agent_00000000000000000000000000"),
    ],
)
def test_refused_reads_and_other_refusals_are_not_in_the_log(world: World, owner: Person, denied: Denied, ask: Any) -> None:
    assert ask(world.member(owner, "builder").client).status >= 400
    assert denied(owner) == []


def test_a_flood_of_refusals_leaves_few_events_and_their_number(world: World, owner: Person, denied: Denied) -> None:
    flooding, other = world.member(owner, "viewer"), world.member(owner, "viewer")
    for _ in range(MOST_OF_PRINCIPAL + 5):
        assert flooding.client.post("/agents", {"name": "x"}).status == 403
    assert len(denied(owner)) == MOST_OF_PRINCIPAL
    other.client.post("/agents", {"name": "x"})
    assert denied(owner)[-1].data["left_out"] == 5


def test_many_who_flood_together_leave_few_events_too(world: World, owner: Person, denied: Denied) -> None:
    for member in [world.member(owner, "viewer") for _ in range(MOST_OF_ORGANIZATION // MOST_OF_PRINCIPAL + 1)]:
        for _ in range(MOST_OF_PRINCIPAL):
            member.client.post("/agents", {"name": "x"})
    assert len(denied(owner)) == MOST_OF_ORGANIZATION
    stranger = world.organization("Other")
    world.member(stranger, "viewer").client.post("/agents", {"name": "x"})
    assert len(denied(stranger)) == 1


def test_a_refusal_that_cannot_be_written_is_a_refusal_all_the_same(
    app: App, world: World, owner: Person, denied: Denied, monkeypatch: pytest.MonkeyPatch
) -> None:
    import peewee

    def fail(*_: Any, **__: Any) -> None:
        raise peewee.OperationalError("the disk is full")

    viewer = world.member(owner, "viewer")
    monkeypatch.setattr(app.database, "before_commit", fail)
    assert viewer.client.post("/agents", {"name": "x"}).codes == {"_": ["permission_denied"]}
