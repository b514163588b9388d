"""How lists of projects are read: from an index, in its order, whatever else is in the table."""

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.projects.models import Project


@pytest.fixture
def owner(app: App, world: World) -> Person:
    """The owner of an organization with many projects, beside another one with as many."""
    people = [world.organization(name) for name in ("Acme", "Other")]
    for person in people:
        with app.database.transaction(), organization_scope(person.organization_id):
            insert_rows(Project, [Project(name=f"Project {number}").row() for number in range(2_000)])
    analyze(app.settings.database.url)
    return people[0]


def plan_for(app: App, person: Person, path: str) -> str:
    """The plan of the statement that reads the list, which must not be empty."""
    with recorded(app.database) as seen:
        assert person.client.get(path).data["items"]
    with organization_scope(person.organization_id):
        return plan_of(app.database, next(statement for statement in reversed(seen) if "projects_project" in statement.sql))


@pytest.mark.long
@pytest.mark.parametrize("sort", ["-created_at", "created_at", "-updated_at", "name"])
def test_a_page_is_read_from_an_index_in_its_order(app: App, owner: Person, sort: str) -> None:
    cursor = owner.client.get(f"/projects?sort={sort}").data["pagination"]["next_cursor"]
    for path in (f"/projects?sort={sort}", f"/projects?sort={sort}&cursor={cursor}"):
        plan = plan_for(app, owner, path)
        assert f"organization_id_{sort.removeprefix('-')}_id" in plan, plan
        assert not any(word in plan for word in ("SCAN", "Seq Scan", "TEMP B-TREE", "Sort")), plan
