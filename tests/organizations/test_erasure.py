"""What is left of an organization when its time of grace is over: nothing, and of others everything."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.data.tenant_rows import tenant_tables
from aasim_core.identity.records import Session
from aasim_core.tenancy.records import Organization, User
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import LogEntry
from aasim_plugins.organizations.erasure import erase_due


class Context:
    """What a job is told; this one may go on for so many questions."""

    def __init__(self, questions: int = 1_000_000) -> None:
        self.left = questions

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def _delete(world: World, person: Person, *, days_ago: int) -> None:
    person.client.delete(f"/organizations/{person.organization_id}")
    with world.app.database.transaction(), system_scope("test"):
        Organization.update(delete_at=now() - timedelta(days=days_ago)).where(Organization.id == person.organization_id).execute()


def _rows(world: World, organization_id: str) -> dict[str, int]:
    database, found = world.app.database, {}
    with system_scope("test"):
        for table in tenant_tables(database):
            query = f'SELECT COUNT(*) FROM "{table}" WHERE organization_id = {database.param}'  # noqa: S608 - the names are ours
            found[table] = database.execute_sql(query, (organization_id,)).fetchone()[0]
    return {table: count for table, count in found.items() if count}


def _erase(world: World, context: Any = None) -> None:
    with system_scope("test"):
        erase_due(world.app, context or Context())


@pytest.fixture
def owner(world: World) -> Iterator[Person]:
    """The owner of an organization with something in it."""
    person = world.organization("Acme")
    for number in range(3):
        assert person.client.post("/agents", {"name": f"Agent {number}"}).status == 201
    return person


@pytest.mark.long
def test_every_row_of_it_goes_and_with_them_the_accounts_without_another_home(world: World, owner: Person) -> None:
    assert "agents_agent" in _rows(world, owner.organization_id)
    _delete(world, owner, days_ago=1)
    _erase(world)
    assert _rows(world, owner.organization_id) == {}
    with system_scope("test"):
        assert not Organization.select().where(Organization.id == owner.organization_id).exists()
        assert not User.select().where(User.id == owner.user_id).exists()
        assert not Session.select().where(Session.user_id == owner.user_id).exists()


def test_whoever_has_another_home_keeps_their_account(world: World, owner: Person) -> None:
    assert owner.client.post("/organizations", {"name": "Another"}).status == 201
    _delete(world, owner, days_ago=1)
    _erase(world)
    with system_scope("test"):
        assert User.select().where(User.id == owner.user_id).exists()


def test_others_are_not_touched(world: World, owner: Person) -> None:
    other = world.organization("Other")
    before = _rows(world, other.organization_id)
    _delete(world, owner, days_ago=1)
    _erase(world)
    assert _rows(world, other.organization_id) == before


def test_it_waits_for_the_time_of_grace(world: World, owner: Person) -> None:
    _delete(world, owner, days_ago=-1)
    _erase(world)
    assert owner.client.post(f"/organizations/{owner.organization_id}/restore").status == 200


@pytest.mark.long
def test_what_a_stopping_worker_leaves_the_next_one_erases(world: World, owner: Person) -> None:
    _delete(world, owner, days_ago=1)
    with world.app.database.transaction(), system_scope("test"):
        # More rows than one transaction takes.
        from aasim_core.data.records import insert_rows
        from aasim_core.events.records import EventRow

        event = EventRow.select().where(EventRow.organization_id == owner.organization_id).first()
        insert_rows(EventRow, [{**event.row(), "id": f"{event.id}{n}"} for n in range(1_200)])
    _erase(world, Context(questions=1))
    assert _rows(world, owner.organization_id)
    _erase(world)
    assert _rows(world, owner.organization_id) == {}


@pytest.mark.long
def test_logs_are_erased_in_batches_as_everything_is(world: World, owner: Person) -> None:
    nothing = dict.fromkeys(LogEntry._meta.sorted_field_names)
    line = {"execution_id": "exec_1", "occurred_at": to_text(now()), "level": "info", "event": "x", "message": "x"}
    with organization_scope(owner.organization_id), world.app.database.transaction():
        ours = nothing | line | {"organization_id": owner.organization_id}
        insert_rows(LogEntry, [ours | {"sequence": number} for number in range(1201)])
    _delete(world, owner, days_ago=1)
    with recorded(world.app.database) as statements:
        _erase(world)
    assert sum('DELETE FROM "executions_log"' in statement.sql for statement in statements) == 3
    assert _rows(world, owner.organization_id) == {}
