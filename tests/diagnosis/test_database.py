"""The database: each kind of fault is made, and found by its check."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.data.records import database_of
from aasim_core.diagnosis import database as checks
from aasim_core.diagnosis.parts import Parts
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import JobRow
from aasim_core.processes import API, WORKER, ProcessRow
from aasim_core.secrets import Keyring, new_key, save_keyring
from aasim_core.settings import Settings

from ..bench.processes import free_port
from ..faults.cluster import own_cluster
from ..faults.disk import fill, small_disk
from .conftest import Make, fetch_model, finding, findings


def file_of(settings: Settings) -> Path:
    """The SQLite file."""
    return Path(settings.database.url.removeprefix("sqlite:///"))


def change(settings: Settings, sql: str) -> None:
    """Run SQL past the tenant scope: on SQLite, or as the superuser of the tests on PostgreSQL."""
    if settings.database.url.startswith("sqlite"):
        with closing(sqlite3.connect(file_of(settings), isolation_level=None)) as connection:
            connection.execute(sql)
        return
    import psycopg

    with psycopg.connect(settings.database.url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute(sql)


@contextmanager
def changed(settings: Settings, sql: str, back: str) -> Iterator[None]:
    """Run SQL, and undo it at the end: a later test may get the same database."""
    change(settings, sql)
    try:
        yield
    finally:
        change(settings, back)


def in_app(settings: Settings, do: Callable[[Parts], object]) -> None:
    """Do something with the app of the installation."""
    parts = Parts(lambda: settings)
    with parts.app.database.connected(), system_scope("test"):
        do(parts)
    parts.close()


def start(settings: Settings, **changes: object) -> None:
    """Let an API process and a worker be there, which have these columns."""

    def beat(parts: Parts) -> None:
        for kind in (API, WORKER):
            parts.app.process_of(kind, 4, f"{kind}-1").beat()
        if changes:
            with parts.database.transaction():
                ProcessRow.update(changes).execute()

    in_app(settings, beat)


@pytest.fixture(params=["installation", pytest.param("on_postgres", marks=pytest.mark.postgres)])
def make(request: pytest.FixtureRequest) -> Make:
    """An installation on SQLite, and one on PostgreSQL."""
    found: Make = request.getfixturevalue(request.param)
    return found


@pytest.mark.long
def test_a_whole_installation_is_well_and_left_as_it_was(make: Make) -> None:
    settings = make()
    fetch_model(settings)
    start(settings)
    found = {name: one for name, one in findings(settings).items() if name != "autovacuum"}  # the server is not ours
    assert {one.name: one.problems for one in found.values() if one.state != "ok"} == {}
    assert {"disk", "workers", "jobs"} <= set(found) and "accepting" not in found
    left: list[str] = []
    in_app(settings, lambda _: left.extend(row.id for row in ProcessRow.select()))
    assert sorted(left) == ["api-1", "worker-1"]


@pytest.mark.long
def test_no_database(installation: Make) -> None:
    settings = installation()
    file_of(settings).unlink()
    state, said = finding(settings, "connection")
    assert (state, f"there is no database {file_of(settings)}; make it with aasim migrate" in said) == ("wrong", True)
    assert not file_of(settings).exists()


def test_a_damaged_database(installation: Make) -> None:
    settings = installation()
    file_of(settings).write_bytes(b"this is no database" * 1000)
    state, said = finding(settings, "connection")
    assert (state, "the database is damaged" in said) == ("wrong", True)


def test_pending_migrations(make: Make) -> None:
    settings = make()
    with changed(
        settings,
        "UPDATE core_migration SET name = 'elsewhere/0001_processes' WHERE name = 'core/0001_core'",
        "UPDATE core_migration SET name = 'core/0001_core' WHERE name = 'elsewhere/0001_processes'",
    ):
        found = findings(settings)
    assert (found["migrations"].state, "aasim migrate" in found["migrations"].problems[0]) == ("wrong", True)
    assert found["health"].problems == ("not checked, since it needs migrations",)


def test_a_view_that_goes_around_the_scope(installation: Make) -> None:
    settings = installation()
    change(settings, "CREATE VIEW everybody AS SELECT * FROM engines_engine")
    state, said = finding(settings, "role_and_policies")
    assert (state, "everybody" in said) == ("wrong", True)


@pytest.mark.postgres
def test_a_table_without_policy(on_postgres: Make) -> None:
    settings = on_postgres()
    table = "ALTER TABLE engines_engine"
    with changed(settings, f"{table} DISABLE ROW LEVEL SECURITY", f"{table} ENABLE ROW LEVEL SECURITY"):
        state, said = finding(settings, "role_and_policies")
    assert (state, "engines_engine" in said) == ("wrong", True)


@pytest.mark.postgres
def test_a_role_that_ignores_policies(on_postgres: Make) -> None:
    state, said = finding(on_postgres(database__app_role=None), "role_and_policies")
    assert (state, "ignores row-level security" in said) == ("wrong", True)


@pytest.mark.postgres
def test_a_role_that_is_not_there(on_postgres: Make) -> None:
    assert finding(on_postgres(database__app_role="nobody_at_all"), "connection")[0] == "wrong"


@pytest.mark.postgres
def test_a_server_that_does_not_answer(on_postgres: Make) -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/aasim"
    state, said = finding(on_postgres(database__url=url, database__pool_wait_seconds=0.5), "connection")
    assert (state, "the database does not answer; start it" in said) == ("wrong", True)


@pytest.mark.postgres
def test_a_server_that_is_too_old(on_postgres: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_OLDEST_POSTGRES", 99)
    state, said = finding(on_postgres(), "connection")
    assert (state, "is too old; upgrade the server to 99 or newer" in said) == ("wrong", True)


@pytest.mark.postgres
def test_a_server_that_takes_no_writes(on_postgres: Make) -> None:
    settings = on_postgres()
    database = settings.database.url.rpartition("/")[2]
    alter = f'ALTER DATABASE "{database}"'
    with changed(settings, f"{alter} SET default_transaction_read_only = on", f"{alter} RESET default_transaction_read_only"):
        state, said = finding(settings, "writes")
    assert (state, "the database takes no writes" in said) == ("wrong", True)


@pytest.mark.postgres
@pytest.mark.parametrize(("setting", "state"), [("on", "ok"), ("off", "warning")])
def test_a_server_that_does_not_vacuum_by_itself(on_postgres: Make, setting: str, state: str) -> None:
    with own_cluster() as cluster:
        cluster.stop()
        cluster.start(autovacuum=setting)
        found, said = finding(on_postgres(database__url=cluster.url, database__app_role=""), "autovacuum")
    assert (found, "set autovacuum = on" in said) == (state, state == "warning")


def test_no_room_on_the_disk_of_the_database(installation: Make, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 20) as disk:
        settings = installation()
        moved = installation(database__url=f"sqlite:///{disk}/aasim.db")
        shutil.copyfile(file_of(settings), file_of(moved))
        with closing(sqlite3.connect(file_of(moved))) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        fill(disk)
        state, said = finding(moved, "connection")
    assert (state, "full" in said) == ("wrong", True)


def test_keys_that_stored_values_need(make: Make) -> None:
    settings = make()
    in_app(settings, lambda parts: checks.refuse_lost(parts.app))
    in_app(settings, _note_key)
    save_keyring(Keyring([new_key()]), settings.secrets.key_file)
    state, said = finding(settings, "stored_keys")
    assert (state, "is not in the key file" in said) == ("wrong", True)


def _note_key(parts: Parts) -> None:
    from aasim_core.key_rotation.key_usage import refuse_missing

    refuse_missing(parts.app)


@pytest.mark.parametrize("name", ["api", "workers"])
def test_processes_that_are_not_alive(installation: Make, name: str) -> None:
    settings = installation()
    start(settings, seen_at=now() - timedelta(minutes=5))
    state, said = finding(settings, name)
    assert (state, "start one: aasim" in said) == ("warning", True)


def test_processes_of_another_version(installation: Make) -> None:
    settings = installation()
    start(settings, version="0.0.9")
    state, said = finding(settings, "versions")
    assert (state, "api-1 (0.0.9)" in said) == ("warning", True)


def test_a_job_that_waits_for_long(installation: Make) -> None:
    settings = installation()

    def wait(parts: Parts) -> None:
        with database_of(JobRow).transaction():
            enqueue("core.seal_events", {})
        with database_of(JobRow).transaction():
            JobRow.update(run_at=now() - timedelta(hours=1)).execute()

    in_app(settings, wait)
    state, said = finding(settings, "jobs")
    assert (state, "start more workers" in said) == ("warning", True)
