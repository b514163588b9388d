"""Sessions through the API: which are whose, what they are now, and how they end."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.events.records import EventRow
from aasim_core.identity.clients import Client as Device
from aasim_core.tenancy import people
from aasim_core.tenancy.records import Membership, User
from aasim_core.testing.principals import key_of, log_out, member_with
from aasim_core.testing.world import Client, Person, World

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
DAY = 86_400


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def member(world: World, owner: Person) -> Person:
    """Somebody else there."""
    return world.member(owner, "viewer")


def another_session(world: World, person: Person, *, organization_id: str | None = None) -> str:
    """A login of the person with a browser, in their organization or in another one; the id."""
    with world.app.database.transaction(), system_scope("test"):
        user = User.get_by_id(person.user_id)
        tokens = world.app.sessions.start(user, organization_id or person.organization_id, Device("192.0.2.7", FIREFOX))
    return str(tokens.session_id)


def listed(client: Client, path: str = "/sessions") -> list[str]:
    return [item["id"] for item in client.get(path).data["items"]]


def own_session(person: Person) -> str:
    """The session that the person's client is in."""
    return str(next(item["id"] for item in person.client.get("/sessions").data["items"] if item["current"]))


def terminations(app: App) -> list[EventRow]:
    with system_scope("test"):
        return list(EventRow.select().where(EventRow.name == "sessions.terminated"))


# What there is to see


def test_a_session_says_where_and_when(world: World, owner: Person) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        session_id = another_session(world, world.again(owner))
        shown = next(item for item in world.again(owner).client.get("/sessions").data["items"] if item["id"] == session_id)
    assert shown == {
        "id": session_id, "user_id": owner.user_id, "organization_id": owner.organization_id, "version": 1,
        "created_at": "2026-01-31T09:00:00.000Z", "updated_at": "2026-01-31T09:00:00.000Z", "status": "active", "current": False,
        "device": "Firefox on Linux", "ip": "192.0.2.7", "user_agent": FIREFOX, "last_seen_at": "2026-01-31T09:00:00.000Z",
        "expires_at": "2026-03-02T09:00:00.000Z", "ended_at": None, "end_reason": None,
    }  # fmt: skip


def test_the_callers_own_are_listed_and_the_one_they_ask_in_is_marked(world: World, owner: Person, member: Person) -> None:
    session_id = another_session(world, owner)
    items = owner.client.get("/sessions").data["items"]
    assert {item["user_id"] for item in items} == {owner.user_id}
    assert [item["id"] for item in items if not item["current"]] == [session_id]
    assert len(items) == 2


def test_a_session_expires_by_time_and_is_active_no_more(world: World, owner: Person) -> None:
    with time_machine.travel("2026-01-01T09:00:00Z", tick=False) as clock:
        unused = another_session(world, owner)
        clock.shift(7 * DAY)
        now = world.again(owner)
        ended = another_session(world, owner)
        now.client.post(f"/sessions/{ended}/terminate")
        statuses = {item["id"]: item["status"] for item in now.client.get("/sessions").data["items"]}
        assert (statuses[unused], statuses[ended]) == ("expired", "terminated")
        assert {unused, ended}.isdisjoint(listed(now.client, "/sessions/active"))
        assert unused in listed(now.client, "/sessions?status=expired")
        assert listed(now.client, "/sessions?status=terminated") == [ended]


def test_a_session_in_use_expires_after_thirty_days(world: World, owner: Person) -> None:
    with time_machine.travel("2026-01-01T09:00:00Z", tick=False) as clock:
        session_id = another_session(world, owner)
        clock.shift(30 * DAY)
        assert session_id in listed(world.again(owner).client, "/sessions?status=expired")


def test_the_end_of_a_session_is_a_change_of_it(world: World, owner: Person) -> None:
    session_id = another_session(world, owner)
    ended = owner.client.post(f"/sessions/{session_id}/terminate").data
    assert (ended["version"], ended["updated_at"]) == (2, ended["ended_at"])


# Whose they are


def test_whoever_manages_sessions_sees_those_of_a_member(world: World, owner: Person, member: Person) -> None:
    assert listed(owner.client, f"/sessions?user_id={member.user_id}") == [own_session(member)]
    assert listed(owner.client, f"/sessions/active?user_id={member.user_id}") == [own_session(member)]
    assert set(listed(owner.client, f"/sessions?user_id[in]={member.user_id},{owner.user_id}")) == {
        own_session(member), own_session(owner),
    }  # fmt: skip


@pytest.mark.parametrize("question", ["user_id={}", "user_id[in]={}", "user_id[ne]={}"])
def test_others_do_not(owner: Person, member: Person, question: str) -> None:
    answer = member.client.get(f"/sessions?{question.format(owner.user_id)}")
    assert (answer.status, answer.codes) == (403, {"_": ["permission_denied"]})


def test_people_without_any_role_see_and_end_their_own(world: World, owner: Person) -> None:
    nobody = member_with(world, owner, [])
    session_id = another_session(world, nobody)
    assert session_id in listed(nobody.client, "/sessions/active")
    assert nobody.client.post(f"/sessions/{session_id}/terminate").data["status"] == "terminated"
    assert nobody.client.post(f"/sessions/{own_session(owner)}/terminate").status == 404


def test_managing_needs_the_permission_for_what_is_done(world: World, owner: Person, member: Person) -> None:
    manager = member_with(world, owner, ["sessions:manage"])
    assert manager.client.get(f"/sessions?user_id={member.user_id}").codes == {"_": ["permission_denied"]}
    assert manager.client.post(f"/sessions/{own_session(member)}/terminate").status == 404


def test_a_key_sees_sessions_by_its_scope_only(app: App, owner: Person) -> None:
    statuses = [key_of(app, owner, scopes).client.get("/sessions").status for scopes in ([], ["sessions:read"])]
    assert statuses == [403, 200]


def test_everybody_may_name_themselves(member: Person) -> None:
    assert listed(member.client, f"/sessions?user_id={member.user_id}") == [own_session(member)]


def test_managing_sessions_below_a_node_is_not_enough(world: World, owner: Person, member: Person) -> None:
    permissions = ["sessions:read", "sessions:terminate", "sessions:manage"]
    narrow = member_with(world, owner, permissions, world.node(owner, "project"))
    assert narrow.client.get(f"/sessions?user_id={member.user_id}").status == 403
    assert narrow.client.post(f"/sessions/{own_session(member)}/terminate").status == 404


def test_what_members_do_in_another_organization_is_not_to_be_seen(world: World, owner: Person, member: Person) -> None:
    elsewhere = world.organization("Elsewhere")
    with world.app.database.transaction(), organization_scope(elsewhere.organization_id):
        people.join(member.user_id)
    there = another_session(world, member, organization_id=elsewhere.organization_id)
    assert there not in listed(owner.client, f"/sessions?user_id={member.user_id}")
    nothing = owner.client.post("/sessions/session_00000000000000000000000000/terminate")
    refused = owner.client.post(f"/sessions/{there}/terminate")
    assert (refused.status, refused.body) == (404, nothing.body)
    assert there in listed(elsewhere.client, f"/sessions?user_id={member.user_id}")
    assert there in listed(member.client)


def test_who_has_left_is_not_to_be_seen(world: World, owner: Person, member: Person) -> None:
    session_id = own_session(member)
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        Membership.delete().where(Membership.user_id == member.user_id).execute()
    assert listed(owner.client, f"/sessions?user_id={member.user_id}") == []
    assert owner.client.post(f"/sessions/{session_id}/terminate").status == 404


def test_a_key_sees_the_sessions_of_its_organization_only(world: World, owner: Person) -> None:
    elsewhere = world.organization("Elsewhere")
    with world.app.database.transaction(), organization_scope(elsewhere.organization_id):
        people.join(owner.user_id)
    there = another_session(world, owner, organization_id=elsewhere.organization_id)
    key = key_of(world.app, owner, ["sessions:read"])
    assert there in listed(owner.client)
    assert listed(key.client) == [own_session(owner)]


# How they end


def test_ones_own_session_ends_on_its_next_request(app: App, world: World, member: Person) -> None:
    other = world.again(member)
    session_id = own_session(other)
    answer = member.client.post(f"/sessions/{session_id}/terminate")
    assert (answer.data["status"], answer.data["already_terminated"]) == ("terminated", False)
    assert answer.data["end_reason"] == "terminated"
    assert other.client.get("/auth/me").codes == {"_": ["invalid_token"]}
    assert member.client.get("/auth/me").status == 200
    (event,) = terminations(app)
    assert (event.subject_id, event.actor_id, event.data) == (session_id, member.user_id, {"user_id": member.user_id})


def test_the_session_that_one_asks_in_can_be_ended(member: Person) -> None:
    assert member.client.post(f"/sessions/{own_session(member)}/terminate").data["current"] is True
    assert member.client.get("/auth/me").status == 401


def test_ending_it_again_changes_nothing(app: App, world: World, member: Person) -> None:
    session_id = another_session(world, member)
    first, again = (member.client.post(f"/sessions/{session_id}/terminate") for _ in range(2))
    assert again.status == 200
    assert again.data == {**first.data, "already_terminated": True}
    assert len(terminations(app)) == 1


def test_ending_what_has_expired_changes_nothing(app: App, world: World, owner: Person) -> None:
    with time_machine.travel("2026-01-01T09:00:00Z", tick=False) as clock:
        session_id = another_session(world, owner)
        clock.shift(8 * DAY)
        answer = world.again(owner).client.post(f"/sessions/{session_id}/terminate")
    assert (answer.data["status"], answer.data["already_terminated"]) == ("expired", True)
    assert terminations(app) == []


def test_of_many_who_end_it_at_once_one_does(app: App, world: World, member: Person) -> None:
    session_id, start = another_session(world, member), Barrier(12)

    def terminate(_: int) -> Any:
        start.wait()
        return member.client.post(f"/sessions/{session_id}/terminate").data["already_terminated"]

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(terminate, range(12))) == [False] + [True] * 11
    assert len(terminations(app)) == 1


def test_whoever_manages_sessions_ends_those_of_a_member(app: App, owner: Person, member: Person) -> None:
    assert owner.client.post(f"/sessions/{own_session(member)}/terminate").data["user_id"] == member.user_id
    assert member.client.get("/auth/me").status == 401
    (event,) = terminations(app)
    assert (event.actor_id, event.data) == (owner.user_id, {"user_id": member.user_id})


def test_the_sessions_of_others_are_not_there_for_anybody_else(owner: Person, member: Person) -> None:
    answer = member.client.post(f"/sessions/{own_session(owner)}/terminate")
    assert (answer.status, answer.codes) == (404, {"_": ["not_found"]})
    assert owner.client.get("/auth/me").status == 200


def test_a_login_that_was_logged_out_says_so(world: World, owner: Person) -> None:
    other = world.member(owner, "viewer")
    session_id = own_session(other)
    log_out(world.app, other)
    shown = next(
        item for item in owner.client.get(f"/sessions?user_id={other.user_id}").data["items"] if item["id"] == session_id
    )
    assert (shown["status"], shown["end_reason"]) == ("terminated", "logged_out")
