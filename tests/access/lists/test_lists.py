"""Over the API, an object is in a list exactly if it can be read alone."""

from random import Random

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Role
from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World

PEOPLE = 30
READING = ("agents:read", "teams:read", "roles:read")


def places_of(world: World, owner: Person, random: Random) -> list[str]:
    """The nodes of a tree with places of every kind, the organization's first."""
    places = [owner.organization_id]
    for _ in range(3):
        branch = world.node(owner, "branch")
        department = world.node(owner, "department", random.choice([None, branch]))
        places += [branch, department, *(world.node(owner, "project", parent) for parent in (None, branch, department))]
    return places


def objects_in(owner: Person, places: list[str]) -> list[str]:
    """The paths of objects for everybody, of projects, and of places that are objects themselves."""
    made = [owner.client.post("/agents", {"name": "For all"}), owner.client.post("/roles", {"name": "Role"})]
    for number, project in enumerate(place for place in places if place.startswith("project_")):
        body = {"name": f"Agent {number}", "visibility": "project", "project_id": project}
        made += [owner.client.post("/agents", body), owner.client.post("/teams", {"name": f"Team {number}"})]
    return [answer.headers["location"].removeprefix("/api/v1") for answer in made]


@pytest.mark.long
def test_an_object_is_listed_exactly_if_it_can_be_read(world: World, owner: Person) -> None:
    random = Random("lists")  # noqa: S311 - the same each time, on purpose
    places = places_of(world, owner, random)
    objects = objects_in(owner, places)
    places += [path.rpartition("/")[2] for path in objects if path.startswith("/teams/")]
    seen = set()
    for number in range(PEOPLE):
        person = member_with(world, owner, [])
        with world.app.database.transaction(), organization_scope(owner.organization_id):
            for n in range(random.randint(0, 3)):
                role: Role = create(Role, name=f"{number} {n}", permissions=random.sample(READING, random.randint(1, 3)))
                grants.grant("user", person.user_id, role, random.choice(places))
        for kind in ("agents", "teams", "roles"):
            answer = person.client.get(f"/{kind}?limit=100&include=total")
            listed = {item["id"] for item in answer.data["items"]} if answer.status == 200 else set()
            known = {path.rpartition("/")[2] for path in objects if path.startswith(f"/{kind}/")}
            readable = {each for each in known if person.client.get(f"/{kind}/{each}").status == 200}
            assert listed & known == readable, (kind, person)
            assert answer.status != 200 or answer.data["pagination"]["total"] == len(listed)
            seen.add((kind, bool(readable), readable == known))
    for kind in ("agents", "teams", "roles"):
        assert {(kind, True, True), (kind, False, False)} <= seen, "somebody sees all of them, and somebody none"
    assert {("agents", True, False), ("teams", True, False)} <= seen, "somebody sees a part"
