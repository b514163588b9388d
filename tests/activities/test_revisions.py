"""The revision of an activity's subject: which version of it the change made."""

from contextlib import suppress

from aasim_core.access.records import Team
from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.events.log import emit
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World

Told = list[tuple[str, int | None]]


def told(owner: Person, subject_id: str) -> Told:
    """What happened to the subject, the oldest first, and its revision."""
    items = owner.client.get(f"/activities?subject_id={subject_id}&sort=occurred_at&limit=100").data["items"]
    return [(item["action"], item["subject_revision"]) for item in items]


def test_it_is_the_version_that_the_change_gave_the_subject(owner: Person) -> None:
    made = owner.client.post("/departments", {"name": "Care"}).data
    changed = owner.client.patch(f"/departments/{made['id']}", {"name": "Customer care"}).data
    assert owner.client.patch(f"/departments/{made['id']}", {"name": "Customer care"}).data["version"] == changed["version"]
    owner.client.delete(f"/departments/{made['id']}")
    assert [made["version"], changed["version"]] == [1, 2]
    assert told(owner, made["id"]) == [("departments.created", 1), ("departments.updated", 2), ("departments.deleted", 3)]


def test_what_happens_in_one_transaction_has_one_revision_whenever_it_was_told(world: World, owner: Person) -> None:
    member = world.member(owner, "viewer")
    team = owner.client.post("/teams", {"name": "Care"}).data
    owner.client.post(f"/teams/{team['id']}/members", {"user_id": member.user_id, "team_role": "lead"})
    happened = told(owner, team["id"])
    assert happened == [("teams.created", 1), ("teams.member_added", 2), ("teams.updated", 2)]
    assert owner.client.get(f"/teams/{team['id']}").data["version"] == 2


def test_what_changes_no_version_has_none(owner: Person) -> None:
    engine = owner.client.post("/engines", {"name": "Echo", "provider": "scripted", "model": "echo"}).data
    owner.client.post(f"/engines/{engine['id']}/test")
    assert told(owner, engine["id"]) == [("engines.created", 1), ("engines.tested", None)]


def test_a_members_revisions_are_the_versions_that_the_organization_sees(world: World, owner: Person) -> None:
    member = world.member(owner, "viewer")
    path = f"/users/{member.user_id}"
    before = owner.client.get(path).data["version"]
    department = owner.client.post("/departments", {"name": "Care"}).data["id"]
    versions = [
        owner.client.patch(path, {"name": "Ada L."}).data["version"],
        owner.client.patch(path, {"department_id": department}).data["version"],
    ]
    assert before < versions[0] < versions[1]
    owner.client.put(f"{path}/status", {"status": "suspended"})
    versions.append(owner.client.get(path).data["version"])
    assert owner.client.delete(path).status == 200
    happened = told(owner, member.user_id)
    assert happened == [
        ("users.updated", versions[0]), ("users.updated", versions[1]), ("users.suspended", versions[2]),
        ("users.deleted", versions[2] + 1),
    ]  # fmt: skip


def test_what_somebody_does_with_their_account_says_nothing_of_that(owner: Person) -> None:
    assert owner.client.put("/auth/profile", {"name": "Ada L."}).status == 200
    assert told(owner, owner.user_id) == [("auth.profile_updated", None)]


def test_it_takes_no_statement(app: App, owner: Person) -> None:
    team_id = owner.client.post("/teams", {"name": "Care"}).data["id"]
    with organization_scope(owner.organization_id):
        team = records.find(Team, team_id)
        with recorded(app.database) as alone, app.database.transaction():
            records.change(team, {"name": "One"})
            emit("teams.updated", team)
    assert len([each.sql for each in alone if "core_event" in each.sql]) == 1


def test_a_change_that_is_undone_leaves_no_revision(app: App, owner: Person) -> None:
    team_id = owner.client.post("/teams", {"name": "Care"}).data["id"]
    with organization_scope(owner.organization_id):
        team = records.find(Team, team_id)
        with suppress(KeyError), app.database.transaction():
            records.change(team, {"name": "One"})
            raise KeyError
        with app.database.transaction():
            emit("teams.updated", team)
    assert told(owner, team_id) == [("teams.created", 1), ("teams.updated", None)]
