"""What every test has: an environment without settings of the person who runs it, and servers where they answer."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

ROOT = Path(__file__).parent.parent
#: Where each kind of server is expected: the variable that says so, and the URL without it.
SERVERS = {
    "postgres": ("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
    "redis": ("TEST_REDIS_URL", "redis://127.0.0.1:6379/0"),
}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AASIM_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped after the test."""
    import psycopg

    server, name = server_url("postgres"), f"aasim_test_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def redis_url(worker_id: str) -> Iterator[str]:
    """The URL of an empty Redis database, another one in each test process, emptied after the test."""
    import redis

    number = 1 + int(worker_id.removeprefix("gw") if worker_id != "master" else 0) % 15
    url = f"{server_url('redis').rpartition('/')[0]}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


def server_url(kind: str) -> str:
    """Where the server of this kind is expected."""
    variable, default = SERVERS[kind]
    return os.environ.get(variable, default)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a server that does not answer; in CI such a test fails instead."""
    for kind in SERVERS:
        needy = [item for item in items if item.get_closest_marker(kind)]
        if not needy or _answers(kind):
            continue
        reason = f"no {kind} server answers at {server_url(kind)}"
        if os.environ.get("CI"):
            raise pytest.UsageError(f"{reason}, and in CI nothing may be left out; start one, or set {SERVERS[kind][0]}")
        for item in needy:
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one loud line what was left out for want of a server."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for kind, (variable, _) in SERVERS.items():
        count = sum(f"no {kind} server answers" in reason for reason in skipped)
        if count:
            terminalreporter.write_line(
                f"LEFT OUT: {count} tests need {kind}, and no server answers at {server_url(kind)}; start one, or set {variable}",
                red=True, bold=True,
            )  # fmt: skip


def _answers(kind: str) -> bool:
    try:
        if kind == "postgres":
            import psycopg

            psycopg.connect(server_url(kind), connect_timeout=3).close()
        else:
            import redis

            with redis.Redis.from_url(server_url(kind), socket_connect_timeout=3) as client:
                client.ping()
    except (OSError, ImportError):
        return False
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("psycopg", "redis"):
            return False
        raise
    return True
