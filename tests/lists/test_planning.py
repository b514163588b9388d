"""Which lists are planned for the values of each request: where these decide which index is best."""

from collections.abc import Callable

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]

_AGAIN = 3


@pytest.fixture
def prepared(app: App) -> Callable[[Person, str, str], int]:
    """How many statements about the table are prepared when the person has asked for the path some times."""

    def count(person: Person, path: str, table: str) -> int:
        with app.database.connected():
            for _ in range(_AGAIN):
                assert person.client.get(path).status == 200
            found = app.database.execute_sql("SELECT statement FROM pg_prepared_statements").fetchall()
        return sum(f'FROM "{table}"' in sql for (sql,) in found)

    return count


def test_a_list_of_everything_keeps_its_plan(world: World, prepared: Callable[[Person, str, str], int]) -> None:
    assert prepared(world.organization(), "/agents", "agents_agent")


@pytest.mark.parametrize("query", ["status=active", "name[contains]=a", "q=a", "status[ne]=archived&include=total"])
def test_a_filtered_list_does_not(world: World, prepared: Callable[[Person, str, str], int], query: str) -> None:
    assert not prepared(world.organization(), f"/agents?{query}", "agents_agent")


@pytest.mark.parametrize("path", ["/hitl-approvals", "/hitl-approvals/pending", "/hitl-approvals/pending?include=total"])
def test_nor_does_one_of_what_is_put_to_the_caller(world: World, prepared: Callable[[Person, str, str], int], path: str) -> None:
    owner = world.organization()
    approver = world.member(owner, "approver", world.node(owner, "project"))
    assert not prepared(approver, path, "hitl_approvals_assignee")
