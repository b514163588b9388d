"""Members: to whom they are there, where they stand, whom they work for, and who may change what."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.tenancy import people
from aasim_core.tenancy.records import User
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.principals import key_of, member_with
from aasim_core.testing.world import Client, Person, World
from aasim_core.worker.runner import work_off

NOBODY = "user_01h455vb4pex5vsknk084sn02q"
READING = ["users:read"]


def put(owner: Person, person: Person, **values: Any) -> None:
    """Change the person's membership."""
    assert owner.client.patch(f"/users/{person.user_id}", values).status == 200


# To whom they are there


def test_a_member_has_no_hash_nor_anything_of_other_organizations(world: World, owner: Person) -> None:
    member = owner.client.get(f"/users/{owner.user_id}").data
    assert member.keys() == {
        "id", "organization_id", "version", "created_at", "updated_at", "email", "name", "status", "kind", "branch_id",
        "department_id", "manager_id", "timezone", "locale", "last_login_at", "email_verified_at",
    }  # fmt: skip


def test_members_are_seen_in_the_subtrees_where_they_may_be_read(world: World, owner: Person, tree: dict[str, str]) -> None:
    people = {name: world.member(owner, "viewer") for name in ("one", "other", "care", "within", "free")}
    for name, person in people.items():
        put(owner, person, **{"branch_id" if name in ("one", "other") else "department_id": tree[name]})
    expected = {"one": {"one", "care", "within"}, "care": {"care", "within"}, "within": {"within"}, "free": {"free"}}
    for place, names in expected.items():
        reader = member_with(world, owner, READING, tree[place])
        listed = {item["id"] for item in reader.client.get("/users?limit=100").data["items"]}
        assert listed == {people[name].user_id for name in names} | {reader.user_id}, place
        for person in people.values():
            assert (reader.client.get(f"/users/{person.user_id}").status == 200) == (person.user_id in listed)


def test_a_key_that_is_bound_to_a_place_does_not_see_its_owner_elsewhere(app: App, world: World, owner: Person) -> None:
    care = owner.client.post("/departments", {"name": "Care"}).data["id"]
    reader = member_with(world, owner, READING, care)
    key = key_of(app, reader, READING)
    assert key.client.get("/users").data["items"] == []
    assert key.client.get(f"/users/{reader.user_id}").status == 404


def test_members_are_found_by_name_and_address(owner: Person) -> None:
    for name in ("Ada", "Grace"):
        owner.client.post("/users", {"name": f"{name} Somebody", "email": f"{name}.is.here@example.com"})
    for question in (
        "q=gRACE",
        "q=grace.is",
        "email=grace.is.here@example.com",
        "name[contains]=grace",
        "status=invited&q=grace",
    ):
        assert [item["name"] for item in owner.client.get(f"/users?{question}").data["items"]] == ["Grace Somebody"], question


def test_members_are_sorted_by_name_whether_they_have_accepted_or_not(world: World, owner: Person) -> None:
    for name in ("Aaron", "Zoe"):
        owner.client.post("/users", {"name": name, "email": f"{name}@example.com"})
    world.member(owner, "viewer")
    names = [item["name"] for item in owner.client.get("/users?sort=name").data["items"]]
    assert names == sorted(names)
    assert (names[0], names[-1], len(names)) == ("Aaron", "Zoe", 4)


# Who may change what


def test_what_is_not_for_clients_to_say_is_refused(owner: Person) -> None:
    fields = {
        "id": owner.user_id, "organization_id": owner.organization_id, "version": 1, "status": "active", "is_platform_admin": True,
        "password_hash": "x", "password": "gravel-tulip-orbit-94", "kind": "service", "email_verified_at": "2026-01-31T09:00:00Z",
        "created_at": "2026-01-31T09:00:00Z", "role": "owner", "user_id": owner.user_id,
    }  # fmt: skip
    for name, value in fields.items():
        assert owner.client.patch(f"/users/{owner.user_id}", {name: value}).codes == {name: ["unknown_field"]}
        if name not in ("kind", "role"):
            made = owner.client.post("/users", {"name": "G", "email": "g@example.com", name: value})
            assert made.codes == {name: ["unknown_field"]}


def test_nobody_promotes_themselves(world: World, owner: Person) -> None:
    clerk = member_with(world, owner, ["users:read", "users:update", "users:assign", "users:create"])
    given = {"role": "admin", "place": {"type": "organization"}}
    assert clerk.client.post(f"/users/{clerk.user_id}/assign", given).codes == {"_": ["permission_denied"]}
    assert clerk.client.post(f"/users/{clerk.user_id}/assign", {**given, "role": "owner"}).codes == {"_": ["permission_denied"]}


def test_a_put_replaces_everything_but_the_address(owner: Person, tree: dict[str, str]) -> None:
    before = owner.client.patch(
        f"/users/{owner.user_id}", {"department_id": tree["care"], "timezone": "Europe/Vienna", "locale": "de-AT"}
    ).data
    after = owner.client.put(f"/users/{owner.user_id}", {"name": "Ada King"}).data
    assert (after["name"], after["timezone"], after["locale"]) == ("Ada King", "UTC", "en")
    assert (after["department_id"], after["branch_id"], after["email"]) == (None, None, before["email"])


def test_of_many_changes_with_one_tag_one_succeeds(owner: Person) -> None:
    path = f"/users/{owner.user_id}"
    tag = owner.client.get(path).headers["etag"]

    def attempt(number: int) -> int:
        values = {"name": f"Ada {number}"} if number % 2 else {"branch_id": None, "locale": f"d{'abcdefghij'[number % 10]}"}
        return owner.client.patch(path, values, If_Match=tag).status

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(attempt, range(10)))
    assert sorted(statuses) == [200] + [412] * 9


def test_the_account_of_whoever_is_in_other_organizations_too_is_theirs(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    stranger = world.organization("Other")
    with app.database.transaction(), organization_scope(stranger.organization_id):
        people.join(person.user_id)
    path = f"/users/{person.user_id}"
    for values in ({"name": "X"}, {"timezone": "Europe/Vienna"}, {"locale": "de"}, {"email": "x@example.com"}):
        assert owner.client.patch(path, values).codes == {"_": ["invalid_state"]}
    branch = owner.client.post("/branches", {"name": "One"}).data["id"]
    assert owner.client.patch(path, {"branch_id": branch}).status == 200
    assert stranger.client.get(path).data["branch_id"] is None


@pytest.mark.long
def test_a_new_address_is_verified_anew_and_makes_links_void(
    app: App, owner: Person, join: Callable[..., Person], anonymous: Client, inbox: Inbox
) -> None:
    person = join(name="Grace Hopper", email="grace@example.com")
    anonymous.post("/auth/forgot-password", {"email": "grace@example.com"})
    work_off(app)
    link = inbox.token("grace@example.com")
    changed = owner.client.patch(f"/users/{person.user_id}", {"email": "Hopper@example.com"}).data
    assert (changed["email"], changed["email_verified_at"]) == ("hopper@example.com", None)
    assert anonymous.post("/auth/reset-password", {"token": link, "password": "velvet-canoe-mosaic-31"}).status == 422
    work_off(app)
    assert anonymous.post("/auth/verify-email", {"token": inbox.token("hopper@example.com")}).status == 200
    assert owner.client.get(f"/users/{person.user_id}").data["email_verified_at"] is not None


def test_whoever_gives_a_member_an_address_that_is_taken_is_told_so(world: World, owner: Person) -> None:
    taken = world.organization("Other").client.get("/auth/me").data["user"]["email"]
    answer = owner.client.patch(f"/users/{owner.user_id}", {"email": taken})
    assert answer.body["errors"] == {"email": [{"code": "not_unique", "message": "Another account has this address."}]}


@pytest.mark.long
def test_the_address_before_is_told_that_it_is_not_the_accounts_any_more(
    app: App, owner: Person, join: Callable[..., Person], inbox: Inbox
) -> None:
    person = join(name="Grace Hopper", email="grace@example.com")
    owner.client.patch(f"/users/{person.user_id}", {"email": "hopper@example.com"})
    work_off(app)
    mail = inbox.to("grace@example.com")[-1]
    assert mail["Subject"] == "Your address was changed"
    assert "grace@example.com" in mail.get_content() and "hopper@example.com" not in mail.get_content()


def test_nobody_takes_over_an_account_that_may_do_more_than_they(world: World, owner: Person) -> None:
    clerk = member_with(world, owner, ["users:read", "users:update"])
    body = {"email": "eve@example.com"}
    assert clerk.client.patch(f"/users/{owner.user_id}", body).codes == {"_": ["permission_denied"]}
    assert clerk.client.patch(f"/users/{owner.user_id}", {"name": "Boss"}).status == 200


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_nobody_redirects_an_invitation_to_more_than_they_may_do(world: World, owner: Person, role: str) -> None:
    clerk = member_with(world, owner, ["users:read", "users:update"])
    guest = owner.client.post("/users", {"name": "Grace", "email": "grace@example.com", "role": role}).data["id"]
    refused = clerk.client.patch(f"/users/{guest}", {"email": "eve@example.com"})
    assert refused.codes == {"_": ["permission_denied"]}
    assert owner.client.get(f"/users/{guest}").data["email"] == "grace@example.com"


def test_a_member_is_moved_only_by_who_may_do_all_that_the_move_lets_others_do(
    world: World, owner: Person, tree: dict[str, str]
) -> None:
    person = world.member(owner, "viewer")
    put(owner, person, department_id=tree["care"])
    mover = member_with(world, owner, ["users:read", "users:update"])
    member_with(world, owner, ["users:delete"], tree["free"])
    refused = mover.client.patch(f"/users/{person.user_id}", {"department_id": tree["free"]})
    assert refused.body["errors"]["_"][0]["meta"] == {"missing": ["users:delete"]}
    assert mover.client.patch(f"/users/{person.user_id}", {"department_id": tree["within"]}).status == 200


def test_a_key_changes_no_address(app: App, owner: Person) -> None:
    key = key_of(app, owner, app.permissions)
    assert key.client.patch(f"/users/{owner.user_id}", {"email": "x@example.com"}).codes == {"email": ["session_required"]}
    assert key.client.patch(f"/users/{owner.user_id}", {"name": "Ada King"}).status == 200


def test_the_account_of_whoever_runs_the_installation_is_theirs(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    with app.database.transaction(), system_scope("test"):
        User.update(is_platform_admin=True).where(User.id == person.user_id).execute()
    assert owner.client.patch(f"/users/{person.user_id}", {"email": "x@example.com"}).codes == {"_": ["permission_denied"]}


def test_an_address_that_somebody_has_is_refused(world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    me = owner.client.get(f"/users/{owner.user_id}").data["email"]
    assert owner.client.patch(f"/users/{person.user_id}", {"email": me}).codes == {"email": ["not_unique"]}


def test_where_teams_are_off_nobody_joins_one(owner: Person) -> None:
    team = owner.client.post("/teams", {"name": "Night shift"}).data["id"]
    assert owner.client.put(f"/plugins/teams/organizations/{owner.organization_id}", {"status": "disabled"}).status == 200
    made = owner.client.post("/users", {"name": "G", "email": "g@example.com", "team_ids": [team]})
    assert made.codes == {"team_ids[0]": ["invalid_reference"]}


def test_a_member_of_two_organizations_is_seen_as_each_has_them(app: App, world: World, owner: Person) -> None:
    person, stranger = world.member(owner, "viewer"), world.organization("Other")
    with app.database.transaction(), organization_scope(stranger.organization_id):
        people.join(person.user_id, status="suspended")
    assert [client.get(f"/users/{person.user_id}").data["status"] for client in (owner.client, stranger.client)] == [
        "active",
        "suspended",
    ]
    assert replace(owner.client, headers={"X-Organization-Id": stranger.organization_id}).get("/users").status == 403


def test_nobody_is_not_there(owner: Person) -> None:
    assert owner.client.get(f"/users/{NOBODY}").status == 404
