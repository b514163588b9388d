"""Suspending, deactivating, handing over and removing members."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from aasim_core.access.records import Grant, TeamMember
from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.events.records import EventRow
from aasim_core.identity.records import ApiKey, Session
from aasim_core.tenancy import people
from aasim_core.tenancy.records import Membership, User
from aasim_core.testing.principals import key_of, member_with
from aasim_core.testing.world import Answer, Person, World


def set_status(by: Person, person: Person | str, status: str, query: str = "", **more: str) -> Answer:
    user_id = person if isinstance(person, str) else person.user_id
    return by.client.put(f"/users/{user_id}/status{query}", {"status": status, **more})


def switch(by: Person, key: Person, status: str = "disabled") -> None:
    """Disable the key, or let it work again."""
    listed = by.client.get("/api-keys").data["items"]
    key_id = next(each["id"] for each in listed if str(key.client.token).startswith(each["prefix"]))
    assert by.client.post(f"/api-keys/{key_id}/toggle", {"status": status}).status == 200


def events(owner: Person, name: str) -> list[EventRow]:
    with organization_scope(owner.organization_id):
        return list(EventRow.select().where(EventRow.name == name).order_by(EventRow.id))


def in_both(app: App, world: World, owner: Person) -> tuple[Person, Person]:
    """A member of the owner's organization who belongs to another one too; and that one's owner."""
    person, stranger = world.member(owner, "viewer"), world.organization("Other")
    with app.database.transaction(), organization_scope(stranger.organization_id):
        people.join(person.user_id)
    return person, stranger


@pytest.mark.parametrize("status", ["suspended", "deactivated"])
def test_keys_and_sessions_work_no_more_from_the_next_request_on(app: App, world: World, owner: Person, status: str) -> None:
    person = world.member(owner, "viewer")
    key = key_of(app, person, ["agents:read"])
    assert [client.get("/agents").status for client in (person.client, key.client)] == [200, 200]
    answer = set_status(owner, person, status, reason="Lost laptop.").data
    assert (answer["status"], answer["sessions_ended"], answer["keys_disabled"]) == (status, 1, 1)
    assert [client.get("/agents").status for client in (person.client, key.client)] == [401, 401]
    (told,) = events(owner, f"users.{status}")
    assert told.data == {"reason": "Lost laptop.", "sessions": 1, "keys": 1}
    assert told.changes == {"status": ["active", status]}


def test_keys_that_were_active_before_a_suspension_are_so_after_it(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    active, disabled = (key_of(app, person, ["agents:read"]) for _ in range(2))
    switch(owner, disabled)
    assert set_status(owner, person, "suspended").data["keys_disabled"] == 1
    assert set_status(owner, person, "active").data["keys_enabled"] == 1
    assert [key.client.get("/agents").status for key in (active, disabled)] == [200, 401]
    (told,) = events(owner, "users.reactivated")
    assert told.data["keys"] == 1


def test_a_key_that_somebody_switched_meanwhile_stays_as_they_left_it(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    key = key_of(app, person, ["agents:read"])
    set_status(owner, person, "suspended")
    switch(owner, key, "active")
    switch(owner, key)
    assert set_status(owner, person, "active").data["keys_enabled"] == 0
    assert key.client.get("/agents").status == 401


@pytest.mark.parametrize("before", ["suspended", "active"])
def test_keys_stay_disabled_after_a_deactivation(app: App, world: World, owner: Person, before: str) -> None:
    person = world.member(owner, "viewer")
    key = key_of(app, person, ["agents:read"])
    for status in (before, "deactivated"):
        set_status(owner, person, status)
    assert set_status(owner, person, "active").data["keys_enabled"] == 0
    assert key.client.get("/agents").status == 401
    assert world.again(person).client.get("/agents").status == 200


def test_what_somebody_does_in_another_organization_goes_on(app: App, world: World, owner: Person) -> None:
    person, stranger = in_both(app, world, owner)
    elsewhere = world.again(Person(person.user_id, stranger.organization_id, person.client))
    assert set_status(owner, person, "deactivated").data["sessions_ended"] == 1
    assert elsewhere.client.get("/auth/me").status == 200
    asking = replace(elsewhere.client, headers={"X-Organization-Id": owner.organization_id})
    assert asking.get("/auth/me").codes == {"_": ["permission_denied"]}


def test_the_ways_from_one_state_to_another_are_few(world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    assert set_status(owner, person, "deactivated").status == 200
    assert set_status(owner, person, "suspended").codes == {"_": ["invalid_state"]}
    assert set_status(owner, person, "active").status == 200
    guest = owner.client.post("/users", {"name": "G", "email": "g@example.com"}).data["id"]
    assert set_status(owner, guest, "suspended").codes == {"_": ["invalid_state"]}
    assert owner.client.put(f"/users/{person.user_id}/status", {"status": "invited"}).codes == {"status": ["invalid_choice"]}


def test_a_state_that_is_there_already_changes_nothing(world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    before = owner.client.get(f"/users/{person.user_id}").data
    assert set_status(owner, person, "active").data["version"] == before["version"]
    assert events(owner, "users.reactivated") == []


def test_nobody_locks_themselves_out(owner: Person) -> None:
    for status in ("suspended", "deactivated"):
        assert set_status(owner, owner, status).codes == {"_": ["invalid_state"]}
    assert owner.client.delete(f"/users/{owner.user_id}").codes == {"_": ["invalid_state"]}


def test_the_last_owner_stays(app: App, world: World, owner: Person) -> None:
    # Two owners, who suspend each other at the same moment: one of them stays.
    other = world.member(owner, "owner")
    pairs = [(owner, other), (other, owner)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: set_status(*pair, "suspended"), pairs))
    assert sorted(answer.status for answer in answers) in ([200, 401], [200, 403], [200, 409])
    with organization_scope(owner.organization_id):
        assert Membership.select().where(Membership.status == "active").count() == 1


def test_an_owner_whose_ownership_ends_cannot_remove_the_last_one(app: App, world: World, owner: Person) -> None:
    passing = world.member(owner, "owner")
    with app.database.transaction(), organization_scope(owner.organization_id):
        Grant.update(expires_at="2099-01-01T00:00:00.000Z").where(Grant.subject_id == passing.user_id).execute()
    for answer in (set_status(passing, owner, "suspended"), passing.client.delete(f"/users/{owner.user_id}")):
        assert answer.status in (403, 409)
    assert owner.client.get("/auth/me").status == 200


def test_nobody_suspends_or_removes_whoever_holds_more_than_they(world: World, owner: Person) -> None:
    clerk = member_with(world, owner, ["users:read", "users:update", "users:delete"])
    admin, viewer = world.member(owner, "admin"), world.member(owner, "viewer")
    team = owner.client.post("/teams", {"name": "Admins"}).data["id"]
    owner.client.post(f"/teams/{team}/assign", {"role": "admin", "place": {"type": "organization"}})
    through_team = member_with(world, owner, ["users:read"])
    owner.client.post(f"/teams/{team}/members", {"user_id": through_team.user_id})
    for person in (owner, admin, viewer, through_team):
        for answer in (set_status(clerk, person, "suspended"), clerk.client.delete(f"/users/{person.user_id}")):
            assert answer.codes == {"_": ["permission_denied"]}
    equal = member_with(world, owner, ["users:read"])
    assert set_status(clerk, equal, "suspended").status == 200


# Handing over


def test_people_and_teams_are_handed_over(world: World, owner: Person) -> None:
    head, heir, worker = (world.member(owner, "viewer") for _ in range(3))
    branch = owner.client.post("/branches", {"name": "One", "manager_id": head.user_id}).data["id"]
    team = owner.client.post("/teams", {"name": "Night shift", "lead_id": head.user_id}).data["id"]
    for person in (heir, worker):
        owner.client.patch(f"/users/{person.user_id}", {"manager_id": head.user_id})
    owner.client.patch(f"/users/{head.user_id}", {"manager_id": owner.user_id})
    plan = set_status(owner, head, "deactivated", "?plan=true").data
    assert {(use["type"], use["id"], use["field"]) for use in plan["owns"]} == {
        ("branch", branch, "manager_id"), ("team", team, "lead_id"),
        ("user", heir.user_id, "manager_id"), ("user", worker.user_id, "manager_id"),
    }  # fmt: skip
    left = set_status(owner, head, "deactivated", reassign_to=heir.user_id).data
    assert (left["owns"], left["reassigned"]) == ([], 3)
    assert owner.client.get(f"/branches/{branch}").data["manager_id"] == heir.user_id
    assert owner.client.get(f"/teams/{team}").data["lead_id"] == heir.user_id
    leads = owner.client.get(f"/teams/{team}/members?team_role=lead").data["items"]
    assert [member["user_id"] for member in leads] == [heir.user_id]
    managers = [owner.client.get(f"/users/{person.user_id}").data["manager_id"] for person in (heir, worker)]
    assert managers == [owner.user_id, heir.user_id]


def test_a_successor_is_another_active_member_and_takes_over_at_the_end_only(world: World, owner: Person) -> None:
    person, stranger = world.member(owner, "viewer"), world.organization("Other")
    gone = world.member(owner, "viewer")
    set_status(owner, gone, "suspended")
    for successor in (stranger, gone):
        answer = set_status(owner, person, "deactivated", reassign_to=successor.user_id)
        assert answer.codes == {"reassign_to": ["invalid_reference"]}
    for status, successor in (("suspended", owner), ("deactivated", person)):
        answer = set_status(owner, person, status, reassign_to=successor.user_id)
        assert answer.codes == {"reassign_to": ["invalid_choice"]}


def test_whoever_hands_over_gives_no_more_than_they_hold(world: World, owner: Person) -> None:
    head = member_with(world, owner, ["users:read"])
    team = owner.client.post("/teams", {"name": "Admins", "lead_id": head.user_id}).data["id"]
    owner.client.post(f"/teams/{team}/assign", {"role": "admin", "place": {"type": "organization"}})
    clerk = member_with(world, owner, ["users:read", "users:update"])
    answer = set_status(clerk, head, "deactivated", reassign_to=clerk.user_id)
    assert answer.codes == {"_": ["permission_denied"]}


def test_a_plan_changes_nothing(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    key = key_of(app, person, ["agents:read"])
    plan = set_status(owner, person, "deactivated", "?plan=true", reassign_to=owner.user_id).data
    assert (plan["planned"], plan["status"], plan["owns"]) == (True, "active", [])
    assert [client.get("/agents").status for client in (person.client, key.client)] == [200, 200]


# Removing


def test_removing_takes_roles_teams_keys_and_the_last_account(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    key = key_of(app, person, ["agents:read"])
    team = owner.client.post("/teams", {"name": "Night shift"}).data["id"]
    owner.client.post(f"/teams/{team}/members", {"user_id": person.user_id})
    assert owner.client.delete(f"/users/{person.user_id}").data == {"id": person.user_id, "deleted": True}
    assert [client.get("/agents").status for client in (person.client, key.client)] == [401, 401]
    with system_scope("test"):
        for record, field in ((Grant, "subject_id"), (TeamMember, "user_id"), (ApiKey, "user_id"), (Session, "user_id")):
            assert not record.select().where(getattr(record, field) == person.user_id).exists()
        assert User.get_or_none(User.id == person.user_id) is None


def test_teams_are_changed_by_the_removal_of_a_member(world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    path = f"/teams/{owner.client.post('/teams', {'name': 'Night shift'}).data['id']}"
    owner.client.post(f"{path}/members", {"user_id": person.user_id})
    before = owner.client.get(path).headers["etag"]
    assert owner.client.delete(f"/users/{person.user_id}").status == 200
    assert owner.client.get(path, If_None_Match=before).data["members_count"] == 0
    (told,) = events(owner, "teams.member_removed")
    assert (told.subject_label, told.data) == ("Night shift", {"user_id": person.user_id, "team_role": "member"})


def test_whoever_is_removed_keeps_an_account_that_others_need(app: App, world: World, owner: Person) -> None:
    person, stranger = in_both(app, world, owner)
    elsewhere = world.again(Person(person.user_id, stranger.organization_id, person.client))
    assert owner.client.delete(f"/users/{person.user_id}").status == 200
    assert elsewhere.client.get("/auth/me").status == 200
    assert stranger.client.get(f"/users/{person.user_id}").status == 200


@pytest.mark.long
def test_history_keeps_the_label_of_whoever_is_removed(world: World, owner: Person, join: Callable[..., Person]) -> None:
    person = join(name="Grace Hopper", email="grace@example.com", role="builder")
    person.client.post("/agents", {"name": "One"})
    agent = person.client.get("/agents").data["items"][0]["id"]
    owner.client.delete(f"/agents/{agent}")
    assert owner.client.delete(f"/users/{person.user_id}").status == 200
    (made,) = events(owner, "agents.created")
    (gone,) = events(owner, "users.deleted")
    assert (made.actor_label, gone.subject_label, gone.subject_id) == ("grace@example.com", "grace@example.com", person.user_id)


def test_whoever_worked_for_somebody_who_is_removed_works_for_nobody(world: World, owner: Person) -> None:
    head, worker = world.member(owner, "viewer"), world.member(owner, "viewer")
    owner.client.patch(f"/users/{worker.user_id}", {"manager_id": head.user_id})
    assert owner.client.delete(f"/users/{head.user_id}").status == 200
    assert owner.client.get(f"/users/{worker.user_id}").data["manager_id"] is None


def test_of_many_who_remove_somebody_at_once_one_succeeds(world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: owner.client.delete(f"/users/{person.user_id}").status, range(6)))
    assert sorted(statuses) == [200] + [404] * 5
