"""Who is removed from an organization leaves their name and address in its log, or does not: the organization chooses."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off


@pytest.fixture
def grace(app: App, world: World, owner: Person) -> Person:
    """A member who has made an agent, which is sealed."""
    person = world.member(owner, "builder")
    person.client.post("/agents", {"name": "One"})
    seal_everything(app.database, app.keyring)
    return person


def remove(app: App, owner: Person, person: Person) -> list[dict[str, Any]]:
    """Remove a member who has nothing any more; what the log says they did and what was done to them."""
    agent = owner.client.get("/agents").data["items"][0]["id"]
    owner.client.delete(f"/agents/{agent}")
    assert owner.client.delete(f"/users/{person.user_id}").status == 200
    work_off(app)
    did = owner.client.get(f"/activities?actor_id={person.user_id}").data["items"]
    return [*did, *owner.client.get(f"/activities?subject_id={person.user_id}").data["items"]]


def test_the_log_keeps_the_names_of_who_is_removed(app: App, owner: Person, grace: Person) -> None:
    left = remove(app, owner, grace)
    assert [each["actor"]["label"] for each in left if each["action"] == "agents.created"] != [""]
    assert all(each["subject"]["label"] for each in left)


def test_an_organization_can_have_them_erased(app: App, owner: Person, grace: Person) -> None:
    path = f"/organizations/{owner.organization_id}"
    assert owner.client.patch(path, {"settings": {"activities": {"erase_removed_members": True}}}).status == 200
    left = remove(app, owner, grace)
    did = [each for each in left if each["actor"]["id"] == grace.user_id]
    suffered = [each for each in left if each["subject"]["id"] == grace.user_id]
    assert {(each["actor"]["label"], each["actor"]["ip"]) for each in did} == {("", None)}
    assert {(each["subject"]["label"], each["changes"], each["data"]) for each in suffered} == {("", None, None)}
    assert "users.deleted" in [each["action"] for each in suffered]
    seal_everything(app.database, app.keyring)
    verified = owner.client.get("/activities/verify").data
    assert (verified["valid"], verified["erased"]) == (True, 1)
