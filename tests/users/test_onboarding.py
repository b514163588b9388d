"""From the invitation to the last day: by real mail, through the API only."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from aasim_core.app import App
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.world import Client, Person, World
from aasim_core.worker.runner import work_off

PASSWORD = "gravel-tulip-orbit-94"
GRACE = {"name": "Grace Hopper", "email": "grace@example.com"}
LOG_IN = {"email": "grace@example.com", "password": PASSWORD}


@pytest.fixture
def departments(owner: Person) -> tuple[str, str, str]:
    """A department, one within it, and another one beside it, all in one branch."""
    branch = owner.client.post("/branches", {"name": "Vienna"}).data["id"]
    care = owner.client.post("/departments", {"name": "Customer care", "branch_id": branch}).data["id"]
    within = owner.client.post("/departments", {"name": "Complaints", "parent_id": care}).data["id"]
    other = owner.client.post("/departments", {"name": "Sales", "branch_id": branch}).data["id"]
    return care, within, other


@pytest.fixture
def grace(app: App, owner: Person, join: Callable[..., Person]) -> Person:
    """Somebody who has come by mail, and builds."""
    return join(**GRACE, role="builder")


def logged_in(anonymous: Client) -> Client:
    return replace(anonymous, token=anonymous.post("/auth/login", LOG_IN).data["access_token"])


def test_a_mail_with_a_link_goes_out(app: App, owner: Person, inbox: Inbox) -> None:
    guest = owner.client.post("/users", {**GRACE, "email": "Grace@Example.com"})
    assert (guest.status, guest.data["status"], guest.data["email"]) == (201, "invited", "grace@example.com")
    assert guest.headers["location"] == f"/api/v1/users/{guest.data['id']}"
    assert inbox.mails == []
    work_off(app)
    (mail,) = inbox.mails
    assert (mail["To"], mail["Subject"]) == ("grace@example.com", "Invitation to Acme")
    assert "https://agents.example.com/api/v1/auth/register" in mail.get_content()


@pytest.mark.long
def test_whoever_accepts_is_in_with_what_was_given(app: App, owner: Person, anonymous: Client, inbox: Inbox) -> None:
    team = owner.client.post("/teams", {"name": "Night shift"}).data["id"]
    guest = owner.client.post("/users", {**GRACE, "role": "viewer", "team_ids": [team], "timezone": "Europe/Vienna"}).data
    (waiting,) = owner.client.get(f"/teams/{team}/members").data["items"]
    assert (waiting["name"], waiting["email"], waiting["status"]) == ("Grace Hopper", "grace@example.com", "invited")
    work_off(app)
    entry = anonymous.post("/auth/register", {**GRACE, "password": PASSWORD, "invitation_token": inbox.token()}).data
    assert entry["organization"]["id"] == owner.organization_id
    assert (entry["user"]["id"], entry["user"]["timezone"]) == (guest["id"], "Europe/Vienna")
    assert entry["user"]["email_verified_at"] is not None
    me = replace(anonymous, token=entry["access_token"]).get("/auth/me").data
    assert [(role["role"], role["place"]["id"]) for role in me["roles"]] == [("viewer", owner.organization_id)]
    assert owner.client.get(f"/users/{guest['id']}").data["status"] == "active"
    (member,) = owner.client.get(f"/teams/{team}/members").data["items"]
    assert (member["user_id"], member["status"]) == (guest["id"], "active")


@pytest.mark.long
def test_whoever_is_invited_to_a_department_sees_exactly_its_subtree(
    owner: Person, join: Callable[..., Person], departments: tuple[str, str, str]
) -> None:
    care, within, other = departments
    bots = {
        place: owner.client.post("/users", {"name": "Bot", "kind": "service", "department_id": place}).data["id"]
        for place in departments
    }
    grace = join(department_id=care, role="viewer")
    assert [role["place"]["id"] for role in grace.client.get("/auth/me").data["roles"]] == [care]
    seen = {item["id"] for item in grace.client.get("/users").data["items"]}
    assert seen == {grace.user_id, bots[care], bots[within]}
    assert {item["id"] for item in grace.client.get("/departments").data["items"]} == {care, within}
    hidden = [grace.client.get(f"/users/{user_id}").status for user_id in (bots[other], owner.user_id)]
    assert hidden == [404, 404]


@pytest.mark.long
def test_whoever_is_moved_is_seen_where_they_are_now(
    owner: Person, join: Callable[..., Person], departments: tuple[str, str, str]
) -> None:
    care, _, other = departments
    head = join(department_id=care, role="viewer")
    grace = join(department_id=care)
    assert head.client.get(f"/users/{grace.user_id}").status == 200
    owner.client.patch(f"/users/{grace.user_id}", {"department_id": other})
    assert head.client.get(f"/users/{grace.user_id}").status == 404


@pytest.mark.long
def test_whoever_is_suspended_is_out_with_the_next_request(owner: Person, grace: Person, anonymous: Client) -> None:
    path = f"/users/{grace.user_id}/status"
    assert owner.client.put(path, {"status": "suspended", "reason": "Lost laptop."}).data["sessions_ended"] == 1
    assert grace.client.get("/auth/me").codes == {"_": ["invalid_token"]}
    assert anonymous.post("/auth/login", LOG_IN).codes == {"_": ["invalid_credentials"]}
    assert owner.client.put(path, {"status": "active"}).data["status"] == "active"
    assert logged_in(anonymous).get("/agents").status == 200


@pytest.mark.long
def test_what_somebody_owns_is_told_first_and_then_handed_over(
    world: World, owner: Person, grace: Person, anonymous: Client
) -> None:
    agent = grace.client.post("/agents", {"name": "Hers", "visibility": "private"}).data["id"]
    heir, path = world.member(owner, "builder"), f"/users/{grace.user_id}"
    plan = owner.client.put(f"{path}/status?plan=true", {"status": "deactivated"}).data
    assert (plan["planned"], plan["status"]) == (True, "active")
    assert plan["owns"] == [{"type": "agent", "id": agent, "label": agent, "field": "owner_id"}]  # it is private
    assert grace.client.get("/auth/me").status == 200
    assert owner.client.delete(path).codes == {"_": ["in_use"]}
    leaving = {"status": "deactivated", "reason": "Retired.", "reassign_to": heir.user_id}
    left = owner.client.put(f"{path}/status", leaving).data
    assert (left["status"], left["reassigned"], left["owns"], left["planned"]) == ("deactivated", 1, [], False)
    assert grace.client.get("/auth/me").status == 401
    assert heir.client.get(f"/agents/{agent}").data["owner_id"] == heir.user_id
    (event,) = owner.client.get("/activities?action=users.handed_over&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]
    assert event["data"] == {"successor_id": heir.user_id, "count": 1, "objects": {"agent.owner_id": [agent]}}
    assert owner.client.delete(path).status == 200
    assert owner.client.get(path).status == 404
    assert anonymous.post("/auth/login", LOG_IN).status == 401
