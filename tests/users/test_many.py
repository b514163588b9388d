"""With many members: a page of the list is read from an index, without a sort and without a scan, on both databases."""

import re
from urllib.parse import quote

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.tenancy.records import Membership, User
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person, World

_MANY = 2_000


@pytest.fixture
def crowded(app: App, world: World, owner: Person) -> Person:
    """The owner of an organization with many members, beside another one with as many."""
    for host in (owner, world.organization("Other")):
        with app.database.transaction(), organization_scope(host.organization_id):
            users = [User(email=f"{host.user_id}.{number}@example.com", name=f"Person {number}") for number in range(_MANY)]
            insert_rows(User, [user.row() for user in users])
            members = [Membership(user_id=user.id, name=user.name, email=user.email, created_at=now()) for user in users]
            insert_rows(Membership, [member.row() for member in members])
    analyze(app.settings.database.url)
    return owner


def plans(app: App, owner: Person, path: str) -> list[str]:
    """What the database does to read the page at the path, statement by statement."""
    with recorded(app.database) as ran:
        assert owner.client.get(path).status == 200
    listing = [statement for statement in ran if "core_membership" in statement.sql and "ORDER BY" in statement.sql]
    with system_scope("test"):
        return [plan_of(app.database, statement) for statement in listing]


@pytest.mark.long
def test_every_page_is_read_from_an_index(app: App, crowded: Person) -> None:
    cursor = crowded.client.get("/users?limit=100").data["pagination"]["next_cursor"]
    for question in ("", "?sort=created_at", "?status=active", f"?limit=100&cursor={cursor}"):
        (plan,) = plans(app, crowded, f"/users{question}")
        assert_reads_from_an_index(plan)


@pytest.mark.long
@pytest.mark.parametrize("field", ["name", "email"])
def test_names_and_addresses_are_sorted_by_their_indexes(app: App, crowded: Person, field: str) -> None:
    for sort in (field, f"-{field}"):
        cursor = crowded.client.get(f"/users?sort={sort}").data["pagination"]["next_cursor"]
        for question in (f"sort={sort}", f"sort={sort}&status=active", f"sort={sort}&cursor={cursor}"):
            (plan,) = plans(app, crowded, f"/users?{question}")
            assert_reads_from_an_index(plan, f"{field}_user_id")


@pytest.mark.long
@pytest.mark.parametrize("field", ["name", "email"])
def test_a_name_and_an_address_are_looked_up_in_their_indexes(app: App, crowded: Person, field: str) -> None:
    value = quote(crowded.client.get("/users?limit=1").data["items"][0][field])
    (plan,) = plans(app, crowded, f"/users?{field}={value}")
    assert f"{field}_user_id" in plan, plan


def assert_reads_from_an_index(plan: str, index: str = "created_at_user_id") -> None:
    assert index in plan, plan
    assert not re.search(r"TEMP B-TREE|\bSort\b|SCAN|Seq Scan on core_(membership|user)", plan), plan


@pytest.mark.long
def test_a_sort_is_seen(app: App, crowded: Person) -> None:
    (plan,) = plans(app, crowded, "/users?sort=name,created_at")
    with pytest.raises(AssertionError):
        assert_reads_from_an_index(plan)


@pytest.mark.long
def test_the_walk_meets_everybody_once(crowded: Person) -> None:
    met: list[str] = []
    path: str | None = "/users?limit=100"
    while path is not None:
        page = crowded.client.get(path).data
        met += [item["id"] for item in page["items"]]
        cursor = page["pagination"]["next_cursor"]
        path = None if cursor is None else f"/users?limit=100&cursor={cursor}"
    assert len(met) == len(set(met)) == _MANY + 1
