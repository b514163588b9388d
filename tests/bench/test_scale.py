"""The measurement of large data, on little: that it fills, asks and tells, and that no list has to read a table from end to end."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from aasim_core import App
from aasim_core.data.backends.sqlite.database import SqliteDatabase
from aasim_core.serving.application import make_wsgi
from aasim_core.testing.databases import Databases
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import World

from .databases import Database
from .scale import command, plans
from .scale.measure import Asker
from .scale.questions import addresses, lists, questions
from .scale.size import Size

pytestmark = pytest.mark.long
_SMALL = Size().times(0.002)
#: The tables that have more than 10,000 rows at full size.
_LARGE = {
    "agents_agent", "agents_version", "core_api_key", "core_event", "core_grant", "core_membership", "core_node", "core_team_member",
    "executions_execution", "executions_log", "executions_step", "hitl_approvals_approval", "hitl_approvals_assignee",
}  # fmt: skip


@pytest.fixture
def database(databases: Databases, tmp_path: Path) -> Iterator[Database]:
    """An empty database without tables."""
    url = databases.create()
    yield Database(url.partition(":")[0], url, tmp_path, databases.app_role)
    databases.drop(url)


@pytest.fixture
def filled(database: Database) -> Iterator[tuple[App, dict[str, Asker]]]:
    """An app over a database that was filled, and the three callers."""
    with command.opened(database) as app:
        world = World(app, make_wsgi(app))
        people = command.founded(world, database, _SMALL, lambda title, done, of: None)
        yield app, {name: Asker(app, world.anonymous.wsgi, name, person) for name, person in people.items()}


def test_what_takes_long_is_told_with_the_plan(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.scale.measure.WORTH_TELLING", 0.0)
    monkeypatch.setattr("tests.bench.scale.measure.questions", lambda *given: list(questions(*given))[:2])
    text = io.StringIO()
    found = command.measure(database, _SMALL, Console(file=text, width=300))
    assert {slow.caller for slow in found} == {"owner", "a member of one department", "a member who sees nothing"}
    assert {slow.status for slow in found} == {200}
    runs = [slow.reason for slow in found if slow.asked.template == "/executions" and slow.caller == "owner"]
    assert any("executions_execution" in reason for reason in runs)
    assert {"/executions", "/auth/me", "/permissions/explain"} <= {slow.asked.template for slow in found}
    assert "/executions" in text.getvalue()


def test_a_database_that_was_kept_is_asked_again(database: Database, filled: tuple[App, dict[str, Asker]]) -> None:
    app, askers = filled
    again = command.callers(World(app, make_wsgi(app)))
    assert list(again) == list(askers)


def test_the_three_callers_see_much_little_and_nothing(filled: tuple[App, dict[str, Asker]]) -> None:
    owner, member, nobody = filled[1].values()
    assert len(owner.items("/executions?limit=100")) == 100
    assert 0 < len(member.items("/executions?limit=100")) < 100
    assert nobody.items("/executions") == []


def test_every_question_to_every_list_is_answered(filled: tuple[App, dict[str, Asker]]) -> None:
    app, askers = filled
    owner, until = next(iter(askers.values())), datetime.now(UTC) + timedelta(minutes=1)
    pages = list(addresses(app.endpoints, owner.items))
    assert {"/executions", "/activities", "/users", "/agents/{agent_id}/executions"} <= {each.template for each, _ in pages}
    assert len(lists(app.endpoints)) >= len(pages) > 30
    asked = [each for endpoint, path in pages for each in questions(endpoint, path, owner.items, until)]
    refused = [each for each in asked if owner.items(f"{each.path}?{each.query}") is None]
    assert not refused


def test_no_first_page_reads_a_large_table_from_end_to_end(filled: tuple[App, dict[str, Asker]]) -> None:
    """PostgreSQL is told to do that only where no index could be used, or else it would in tables as short as these."""
    app, askers = filled
    if not isinstance(app.database, SqliteDatabase):
        app.database.run_rendered("SET enable_seqscan = off", (), 0)
    found = []
    for name, asker in askers.items():
        for endpoint, path in list(addresses(app.endpoints, asker.items)):
            with recorded(app.database) as statements:
                asker.items(path)
            tables = plans.whole_tables(app.database, asker.organization_id, statements)
            found += [f"{name}: GET {endpoint.template} reads all of {table}" for table in sorted(tables & _LARGE)]
    assert not found
