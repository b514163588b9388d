"""How lists are found in long logs: by an index, in its order, whatever else is in the table."""

from collections.abc import Iterator

import pytest

from aasim_core.app import App, migration_sources
from aasim_core.bootstrap import load_plugins
from aasim_core.context import organization_scope
from aasim_core.serving.application import make_wsgi
from aasim_core.testing.apps import settings_in
from aasim_core.testing.databases import Databases
from aasim_core.testing.shared_apps import opened
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person, World

from .conftest import fill_log

LONG = 100_000
_BY_TIME = "eventrow_organization_id_at_id"
_BY_ACTOR = "eventrow_organization_id_actor_id_at_id"
_BY_SUBJECT = "eventrow_organization_id_subject_id_at_id"
_NO_SUCCESS = "core_event_no_success"


@pytest.fixture(scope="module", params=[3_000, pytest.param(LONG, marks=pytest.mark.long)])
def length(request: pytest.FixtureRequest) -> int:
    """How many activities a log has."""
    return int(request.param)


@pytest.fixture(scope="module")
def app(length: int, shared_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app for all tests with logs of that length, which only read."""
    folder = tmp_path_factory.mktemp("plans")
    plugins = load_plugins(settings_in(folder, {}))
    with shared_databases.lent(migration_sources(plugins)) as database, opened(settings_in(folder, database), plugins) as app:
        yield app


@pytest.fixture(scope="module")
def long_log(app: App, length: int) -> Person:
    """The owner of an organization with a long log, beside another one with one as long."""
    world = World(app, make_wsgi(app))
    owner, other = world.organization(), world.organization("Other")
    for person in (owner, other):
        fill_log(app, person, length)
    analyze(app.settings.database.url)
    return owner


def plan_for(app: App, person: Person, path: str) -> str:
    """The plan of the statement that reads the log for a list, which must not be empty."""
    with recorded(app.database) as seen:
        assert person.client.get(path).data["items"]
    with organization_scope(person.organization_id):
        return plan_of(app.database, next(statement for statement in reversed(seen) if "core_event" in statement.sql))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", _BY_TIME),
        ("?sort=occurred_at", _BY_TIME),
        ("?occurred_at[gte]=2026-01-01T00:00:00Z&occurred_at[lt]=2100-01-01T00:00:00Z", _BY_TIME),
        ("?actor_id={actor}", _BY_ACTOR),
        ("?subject_id={subject}", _BY_SUBJECT),
        ("?outcome=denied", _NO_SUCCESS),
        ("?sequence=1", "chainentry_organization_id_sequence"),
        ("/user/{owner}", _BY_ACTOR),
    ],
)
def test_a_page_is_read_from_an_index_in_its_order(app: App, long_log: Person, query: str, index: str) -> None:
    item = long_log.client.get("/activities").data["items"][3]
    names = {"actor": item["actor"]["id"], "subject": item["subject"]["id"], "owner": long_log.user_id}
    plan = plan_for(app, long_log, f"/activities{query.format(**names)}")
    refuse_scans(plan, index, sorts=query == "?sequence=1")


@pytest.mark.long
@pytest.mark.parametrize("length", [LONG], indirect=True, scope="module")
def test_a_page_of_actions_that_begin_alike_is_read_in_order_until_it_is_full(app: App, long_log: Person) -> None:
    """In a short log PostgreSQL sorts, because nothing tells it how many names begin alike."""
    refuse_scans(plan_for(app, long_log, "/activities?action[prefix]=agents.&occurred_at[gte]=2020-01-01T00:00:00Z"), _BY_TIME)


def test_the_page_after_a_cursor_is_read_from_where_it_begins(app: App, long_log: Person) -> None:
    cursor = long_log.client.get("/activities").data["pagination"]["next_cursor"]
    plan = plan_for(app, long_log, f"/activities?cursor={cursor}")
    refuse_scans(plan, _BY_TIME)
    assert "(at,id)<" in plan or "ROW(at, id) <" in plan


def refuse_scans(plan: str, index: str, *, sorts: bool = False) -> None:
    """Fail for a plan that does not search in that index, reads a table from end to end, or sorts more than one row."""
    assert index in plan, plan
    assert "SCAN" not in plan and "Seq Scan" not in plan, plan
    assert sorts or ("TEMP B-TREE" not in plan and "Sort" not in plan), plan
