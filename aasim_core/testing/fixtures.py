"""Pytest fixtures for tests that need a database: each test gets an empty one, once on SQLite and once on PostgreSQL.

The package registers this module as a pytest plugin, so that a plugin's tests have the fixtures without an import:

* `database` is connected, migrated and empty, with no organization in scope; on PostgreSQL row-level security is on.
* `databases` makes databases, once on SQLite and once on PostgreSQL; `shared_databases` does for what the tests of a module share.
* `database_url` is the same without the connection, for what opens its own; `app_role` is the role to open it with.
* `empty_database_url` has no tables at all, for tests of migrations; `postgres_url` is the same on PostgreSQL only.
* `migration_sources` says which migrations are applied: the core's; override it to add those of a plugin.

PostgreSQL is looked for at ``TEST_POSTGRES_URL``; the user there must be allowed to make databases and roles. A run makes databases and a
role of its own, whose names begin with ``aasim_test_``, and drops them. Where no server answers, or the variable is empty, tests with the
marker `postgres` are left out, which is said, and fail in CI.
"""

import os
from collections.abc import Iterator, Sequence

import pytest

from ..data.backends.connect import connect
from ..data.database import Database
from ..data.migrator import runner as migrations
from ..events.log import Deliveries
from .databases import Databases, PostgresServer, SqliteFolder, has_server, server_url
from .event_data import EventData
from .reporting import ShortReports

MISSING = "no PostgreSQL server answers"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known to projects that do not declare it, keep what failures print short, and look at what events tell."""
    config.addinivalue_line("markers", "postgres: needs a PostgreSQL server (TEST_POSTGRES_URL)")
    config.pluginmanager.register(ShortReports(), "aasim_reports")
    event_data = EventData()
    config.pluginmanager.register(event_data, "aasim_event_data")
    Deliveries.inspect = event_data.inspect


def pytest_report_header() -> str:
    """Say which server the tests use, before they do."""
    return f"aasim: tests on PostgreSQL use {server_url() or 'no server'}; TEST_POSTGRES_URL names another one, or none if it is empty"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one loud line what was left out for want of a server."""
    skipped = sum(MISSING in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if skipped:
        line = f"LEFT OUT: {skipped} tests, for {MISSING} at {server_url() or 'no address'}; start one, or set TEST_POSTGRES_URL"
        terminalreporter.write_line(line, red=True, bold=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what needs a server that does not answer; in CI such a test fails instead."""
    if item.get_closest_marker("postgres"):
        _need_postgres()


def _need_postgres() -> None:
    if has_server():
        return
    reason = f"{MISSING} at {server_url() or 'no address'}"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and in CI nothing may be left out", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def migration_sources() -> Sequence[migrations.Source]:
    """The migrations that `database` has; override it in a conftest or module (session scope) to add a plugin's."""
    return [migrations.Source("core", migrations.CORE)]


@pytest.fixture(scope="session")
def sqlite_folder(tmp_path_factory: pytest.TempPathFactory) -> SqliteFolder:
    """Where the session's SQLite databases are."""
    return SqliteFolder(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's own databases and role on the PostgreSQL server."""
    _need_postgres()
    server = PostgresServer.open()
    try:
        yield server
    finally:
        server.drop_all()


BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))


def maker_of(request: pytest.FixtureRequest) -> Databases:
    """The maker of the databases of the kind that a fixture with the parameters `BOTH` is asked for."""
    maker: Databases = request.getfixturevalue("sqlite_folder" if request.param == "sqlite" else "postgres_server")
    return maker


@pytest.fixture(params=BOTH)
def databases(request: pytest.FixtureRequest) -> Databases:
    """The maker of this test's databases; a test with it runs once on SQLite and once on PostgreSQL."""
    return maker_of(request)


@pytest.fixture(scope="module", params=BOTH)
def shared_databases(request: pytest.FixtureRequest) -> Databases:
    """The same for what all tests of a module share."""
    return maker_of(request)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """The URL of a database without tables, dropped after the test."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a PostgreSQL database without tables, dropped after the test."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def database_url(databases: Databases, migration_sources: Sequence[migrations.Source]) -> Iterator[str]:
    """The URL of a database with all migrations and no rows."""
    url = databases.lend(migration_sources)
    yield url
    databases.take_back(url)


@pytest.fixture
def app_role(databases: Databases) -> str | None:
    """The plain role that the application acts as, for ``database.app_role``; None on SQLite."""
    return databases.app_role


@pytest.fixture
def database(database_url: str, app_role: str | None) -> Iterator[Database]:
    """A connected database with all migrations and no rows, in no scope; `connect.bind` attaches your records to it."""
    database = connect(database_url, role=app_role, durability="normal")
    with database.connected():
        yield database
    database.close_all()
