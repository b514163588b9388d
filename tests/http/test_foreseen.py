"""The object that a path names is read together with who asks; that gives nobody anything that they may not see."""

from dataclasses import replace

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.identity.records import Session
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization with an agent."""
    return world.organization()


@pytest.fixture
def path(owner: Person) -> str:
    """Where the agent is; what is remembered of the organization has been read."""
    path = f"/agents/{owner.client.post('/agents', {'name': 'Scout'}).data['id']}"
    assert owner.client.get(path).status == 200
    return path


def test_the_caller_and_the_object_take_one_round_trip(app: App, owner: Person, path: str) -> None:
    with recorded(app.database) as sent:
        assert owner.client.get(path).data["name"] == "Scout"
    assert len(sent) == (1 if app.database.for_update else 2)


def test_a_change_reads_them_at_once_too(app: App, owner: Person, path: str) -> None:
    owner.client.patch(path, {"description": "Looks around."})
    with recorded(app.database) as sent:
        assert owner.client.patch(path, {"description": "Looks further."}).data["description"] == "Looks further."
    reads = [statement for statement in sent if statement.sql.startswith("SELECT")]
    assert len(reads) == (1 if app.database.for_update else 2)


def test_whoever_is_logged_out_learns_nothing(owner: Person, path: str) -> None:
    with system_scope("end every session"):
        Session.update(status="revoked").where(Session.user_id == owner.user_id).execute()
    answer = owner.client.get(path)
    assert (answer.status, "Scout" in str(answer.body)) == (401, False)


def test_another_organization_learns_nothing(world: World, owner: Person, path: str) -> None:
    other = world.organization("Other")
    assert other.client.get(path).status == 404
    answer = replace(other.client, headers={"X-Organization-Id": owner.organization_id}).get(path)
    assert (answer.status, "Scout" in str(answer.body)) == (403, False)


def test_a_path_that_names_nothing_of_its_kind_is_as_if_nothing_was_there(owner: Person) -> None:
    for wrong in ("agent_00000000000000000000000000", "agent_x", "user_x_y", "_", owner.user_id, "%00", "agent_" + "a" * 500):
        assert owner.client.get(f"/agents/{wrong}").status == 404


def test_an_object_that_was_just_deleted_is_gone(owner: Person, path: str) -> None:
    assert owner.client.delete(path).status == 200
    assert owner.client.get(path).status == 404
