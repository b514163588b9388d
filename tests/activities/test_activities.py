"""Activities through the API: what they tell, who sees which, and how they are found."""

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.events.chain.erasing import erase_some
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.events.records import EventRow
from aasim_core.testing.principals import key_of, member_with
from aasim_core.testing.world import Answer, Person, World

from ..events.tampering import tamper, tampering


def actions(answer: Answer) -> list[str]:
    return [item["action"] for item in answer.data["items"]]


def test_an_activity_tells_who_did_what_to_which_object(owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "Summariser"}, X_Request_Id="0123456789abcdef").data
    [activity] = owner.client.get("/activities").data["items"]
    assert activity["actor"] == {"type": "user", "id": owner.user_id, "label": "person1@example.org", "ip": "127.0.0.1"}
    assert activity["subject"] == {"type": "agent", "id": agent["id"], "label": "Summariser"}
    assert (activity["action"], activity["outcome"], activity["request_id"]) == ("agents.created", "success", "0123456789abcdef")
    assert owner.client.get(f"/activities/{activity['id']}").data == activity


def test_a_change_is_told_with_the_values_before_and_after(owner: Person) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data
    owner.client.patch(f"/agents/{agent['id']}", {"name": "Two"})
    assert owner.client.get("/activities").data["items"][0]["changes"] == {"name": ["One", "Two"]}


def test_an_activity_has_its_place_in_the_log_when_it_is_sealed(app: App, owner: Person) -> None:
    owner.client.post("/agents", {"name": "One"})
    assert owner.client.get("/activities").data["items"][0]["sequence"] is None
    seal_everything(app.database, app.keyring)
    [activity] = owner.client.get("/activities").data["items"]
    assert (activity["sequence"], activity["previous_hash"], len(activity["hash"])) == (1, None, 64)
    assert (activity["hash_version"], len(activity["salt"]), activity["erased"]) == (2, 32, None)
    assert owner.client.get("/activities?sequence=1").data["items"] == [activity]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_writes_or_deletes_an_activity(owner: Person, method: str) -> None:
    owner.client.post("/agents", {"name": "One"})
    [activity] = owner.client.get("/activities").data["items"]
    for path in ("/activities", f"/activities/{activity['id']}", f"/activities/user/{owner.user_id}", "/activities/export"):
        assert owner.client.ask(method, path, {}).status == 405
    assert owner.client.get("/activities").data["items"] == [activity]


@pytest.fixture
def busy(world: World, owner: Person) -> dict[str, str]:
    """An owner and a builder have done some things; returns the ids of what they did it to."""
    builder = world.member(owner, "builder")
    one = owner.client.post("/agents", {"name": "One"}).data["id"]
    two = builder.client.post("/agents", {"name": "Two"}).data["id"]
    builder.client.patch(f"/agents/{two}", {"name": "Zwei"})
    owner.client.delete(f"/agents/{one}")
    return {"one": one, "two": two, "owner": owner.user_id, "builder": builder.user_id}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor_id={builder}", ["agents.updated", "agents.created"]),
        ("subject_id={one}", ["agents.deleted", "agents.created"]),
        ("subject_type=agent&actor_type=user&occurred_at[gt]=2020-01-01T00:00:00Z&sort=occurred_at&limit=1", ["agents.created"]),
        ("action=agents.deleted&occurred_at[gte]=2020-01-01T00:00:00Z", ["agents.deleted"]),
        ("action[prefix]=agents.&actor_id={owner}", ["agents.deleted", "agents.created"]),
        ("action[prefix]=agent_&occurred_at[gte]=2020-01-01T00:00:00Z", []),
        ("action[in]=agents.deleted,agents.updated&subject_id[in]={one},{two}", ["agents.deleted", "agents.updated"]),
        ("outcome=denied", []),
        ("outcome[ne]=success", []),
        ("occurred_at[gte]=2100-01-01T00:00:00Z", []),
        ("occurred_at[lt]=2100-01-01T00:00:00Z&actor_id={builder}&action=agents.updated", ["agents.updated"]),
    ],
)
def test_activities_are_found_by_what_is_known_of_them(owner: Person, busy: dict[str, str], query: str, found: list[str]) -> None:
    assert actions(owner.client.get(f"/activities?{query.format(**busy)}")) == found


@pytest.mark.parametrize("name", ["action", "action[prefix]", "actor_type", "subject_type", "request_id"])
def test_what_no_index_finds_is_asked_with_a_time(owner: Person, name: str) -> None:
    alone = owner.client.get(f"/activities?{name}=user")
    assert alone.codes == {name: ["invalid_parameter"]}
    assert "occurred_at[gte]=2026-01-31T00:00:00Z" in alone.body["errors"][name][0]["message"]
    assert "actor_id" in alone.body["errors"][name][0]["message"]
    for narrower in ("occurred_at[gte]=2020-01-01T00:00:00Z", f"actor_id={owner.user_id}"):
        assert owner.client.get(f"/activities?{name}=user&{narrower}").status == 200
    assert owner.client.get(f"/activities/user/{owner.user_id}?{name}=user").status == 200
    assert owner.client.get(f"/activities/export?{name}=user").status == 200


@pytest.mark.parametrize(
    "query", ["outcome=denied", "outcome[in]=failed,denied", "outcome[ne]=success", "outcome[in]=denied,success"]
)
def test_refused_attempts_are_found(world: World, owner: Person, query: str) -> None:
    agent = owner.client.post("/agents", {"name": "One"}).data["id"]
    with tampering(world.app.database):
        EventRow.update(outcome="denied").where(EventRow.subject_id == agent).execute()
    assert actions(owner.client.get(f"/activities?{query}")) == ["agents.created"]


def test_what_a_user_did_is_listed(owner: Person, busy: dict[str, str]) -> None:
    assert actions(owner.client.get(f"/activities/user/{busy['builder']}")) == ["agents.updated", "agents.created"]
    assert owner.client.get("/activities/user/user_00000000000000000000000000").status == 404


def test_what_somebody_did_who_has_left_is_still_listed(world: World, owner: Person, busy: dict[str, str]) -> None:
    from aasim_core.tenancy.records import Membership

    with organization_scope(owner.organization_id), world.app.database.transaction():
        Membership.delete().where(Membership.user_id == busy["builder"]).execute()
    assert actions(owner.client.get(f"/activities/user/{busy['builder']}")) == ["agents.updated", "agents.created"]


def test_who_sees_activities_in_a_part_of_the_tree_sees_their_own(world: World, owner: Person) -> None:
    project = world.node(owner, "project")
    member = member_with(world, owner, ["activities:read", "activities:export", "agents:read", "agents:create"], project)
    owner.client.post("/agents", {"name": "Theirs"})
    member.client.post("/agents", {"name": "Mine", "project_id": project, "visibility": "project"})
    [other, mine] = owner.client.get("/activities?sort=occurred_at").data["items"]
    assert member.client.get("/activities").data["items"] == [mine]
    assert member.client.get(f"/activities/user/{member.user_id}").data["items"] == [mine]
    assert member.client.get(f"/activities/{mine['id']}").data == mine
    assert member.client.get(f"/activities/{other['id']}").status == 404
    assert member.client.get(f"/activities/user/{owner.user_id}").status == 404
    assert member.client.get("/activities/export").data["items"] == [mine]


def test_what_a_key_did_is_the_keys(app: App, owner: Person) -> None:
    key = key_of(app, owner, ["agents:create"])
    key.client.post("/agents", {"name": "By a key"})
    [activity] = owner.client.get("/activities").data["items"]
    assert (activity["actor"]["type"], activity["actor"]["label"]) == ("api_key", "A key of a test")
    assert actions(owner.client.get(f"/activities?actor_id={activity['actor']['id']}")) == ["agents.created"]


def test_only_auditors_owners_and_admins_see_activities(world: World, owner: Person) -> None:
    statuses = {
        role: world.member(owner, role).client.get("/activities").status for role in ("auditor", "admin", "viewer", "builder")
    }
    assert statuses == {"auditor": 200, "admin": 200, "viewer": 403, "builder": 403}


def test_the_log_is_verified_through_the_api(app: App, owner: Person) -> None:
    for name in ("One", "Two", "Three"):
        owner.client.post("/agents", {"name": name})
    seal_everything(app.database, app.keyring)
    answer = owner.client.get("/activities/verify").data
    assert (answer["valid"], answer["checked"], answer["head"]["sequence"], answer["next_after"]) == (True, 3, 3, None)
    tamper(app.database, owner.organization_id, 2, actor_label="somebody else")
    answer = owner.client.get("/activities/verify").data
    fault = {"kind": "changed", "sequence": 2, "until": 2, "message": "Event 2 is not as it was sealed."}
    assert (answer["valid"], answer["faults"]) == (False, [fault])


def test_an_activity_of_somebody_who_is_erased_says_what_it_lost(app: App, owner: Person) -> None:
    owner.client.post("/agents", {"name": "One"})
    seal_everything(app.database, app.keyring)
    with app.database.connected(), system_scope("test"):
        erase_some(app.database, app.keyring, owner.organization_id, owner.user_id)
    activity = owner.client.get("/activities?sequence=1").data["items"][0]
    assert activity["actor"] == {"type": "user", "id": owner.user_id, "label": "", "ip": None}
    assert (activity["subject"]["label"], activity["salt"]) == ("One", None)
    assert set(activity["erased"]["digests"]) == {"actor.label", "actor.ip"}
    assert set(activity["erased"]["keys"]) == {"subject.label", "changes", "data"}
    answer = owner.client.get("/activities/verify").data
    assert (answer["valid"], answer["checked"], answer["erased"]) == (True, 1, 1)


def test_the_log_is_verified_in_stretches(app: App, owner: Person) -> None:
    for name in ("One", "Two", "Three"):
        owner.client.post("/agents", {"name": name})
    seal_everything(app.database, app.keyring)
    first = owner.client.get("/activities/verify?limit=2").data
    second = owner.client.get(f"/activities/verify?limit=2&after={first['next_after']}").data
    assert [(each["valid"], each["checked"], each["next_after"]) for each in (first, second)] == [(True, 2, 2), (True, 1, None)]
