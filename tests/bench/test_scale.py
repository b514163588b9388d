"""The measurement of large data, on little: that it fills, asks and tells, and that no list has to read a table from end to end."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aasim_core import App
from aasim_core.data.backends.sqlite.database import SqliteDatabase
from aasim_core.serving.application import make_wsgi
from aasim_core.testing.contract.exchanges import joined
from aasim_core.testing.databases import Databases
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import World

from .databases import Database
from .scale import command, plans
from .scale.measure import NEIGHBOUR, Asker
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
    """An app over a database that was filled, and the callers."""
    with command.opened(database) as app:
        world = World(app, make_wsgi(app))
        people = command.founded(world, database, _SMALL, lambda title, done, of: None)
        yield app, {name: Asker(app, world.anonymous.wsgi, name, person) for name, person in people.items()}


def test_what_takes_long_is_told_with_the_plan(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.scale.measure.WORTH_TELLING", 0.0)
    monkeypatch.setattr("tests.bench.scale.measure.questions", lambda *given: list(questions(*given))[:2])
    text = io.StringIO()
    found = command.measure(database, _SMALL, Console(file=text, width=300))
    assert {slow.caller for slow in found} == set(command.CALLERS)
    assert {slow.status for slow in found} == {200}
    runs = [slow.reason for slow in found if slow.asked.template == "/executions" and slow.caller == "owner"]
    assert any("executions_execution" in reason for reason in runs)
    assert {"/executions", "/auth/me", "/permissions/explain"} <= {slow.asked.template for slow in found}
    assert "/executions" in text.getvalue()


def test_a_database_that_was_kept_is_asked_again(database: Database, filled: tuple[App, dict[str, Asker]]) -> None:
    app, askers = filled
    again = command.callers(World(app, make_wsgi(app)))
    assert list(again) == list(askers)


def test_the_callers_see_much_little_nothing_and_what_is_theirs(filled: tuple[App, dict[str, Asker]]) -> None:
    owner, member, nobody, neighbour = filled[1].values()
    assert len(owner.items("/executions?limit=100")) == 100
    assert 0 < len(member.items("/executions?limit=100")) < 100
    assert nobody.items("/executions") == []
    assert (len(neighbour.items("/agents?limit=100")), neighbour.items("/executions")) == (30, [])


def test_every_list_is_asked(filled: tuple[App, dict[str, Asker]]) -> None:
    app, askers = filled
    pages = list(addresses(app.endpoints, askers["owner"].items))
    assert {"/executions", "/activities", "/users", "/agents/{agent_id}/executions"} <= {each.template for each, _ in pages}
    assert len(lists(app.endpoints)) >= len(pages) > 30


@pytest.mark.parametrize("caller", command.CALLERS)
def test_every_question_is_answered_without_reading_a_large_table_from_end_to_end(
    filled: tuple[App, dict[str, Asker]], caller: str
) -> None:
    """So no answer takes longer because other organizations have more."""
    app, asker = filled[0], filled[1][caller]
    avoid_whole_tables(app.database)
    until = datetime.now(UTC) + timedelta(minutes=1)
    faults = []
    for endpoint, path in list(addresses(app.endpoints, asker.items)):
        for asked in questions(endpoint, path, asker.items, until):
            with recorded(app.database) as statements:
                is_refused = asker.items(joined(asked.path, asked.query)) is None
                if is_refused and caller in ("owner", NEIGHBOUR):  # others may not ask for anybody's sessions, say
                    faults.append(f"GET {asked.path}?{asked.query} is refused")
            tables = plans.whole_tables(app.database, asker.organization_id, statements) & _LARGE
            faults += [f"GET {asked.path}?{asked.query} reads all of {table}" for table in tables]
    assert not faults


def avoid_whole_tables(database: Any) -> None:
    """Let the database read a table from end to end only where no index can be used, short as the tables are here."""
    if isinstance(database, SqliteDatabase):
        database.run_rendered("DELETE FROM sqlite_stat1", (), 0)
        database.run_rendered("ANALYZE sqlite_schema", (), 0)
    else:
        database.run_rendered("SET enable_seqscan = off", (), 0)
