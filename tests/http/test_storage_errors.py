"""What a database answers that cannot be used, or not now."""

import sqlite3
from pathlib import Path

import falcon
import peewee
import pytest
import structlog
from falcon import testing

from aasim_core.data.backends.connect import connect
from aasim_core.http import error_handlers
from aasim_core.http.request import Request, Response
from aasim_core.serving.request_log import RequestLog

from .failing import Raising, get, problem, raising

pytestmark = pytest.mark.usefixtures("quiet")


class TestSqlite:
    """What a SQLite file that cannot be used answers."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "a.db"
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE t (x)")
        connection.close()
        return file

    def test_locked_is_busy(self, file: Path) -> None:
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        database = peewee.SqliteDatabase(str(file), timeout=0)
        result = get(lambda: database.execute_sql("INSERT INTO t VALUES (1)"))
        database.close()
        holder.close()
        assert (result.status_code, problem(result)["code"], result.headers["Retry-After"]) == (503, "busy", "1")

    def test_full_is_storage_unavailable(self, file: Path) -> None:
        database = peewee.SqliteDatabase(str(file), pragmas={"max_page_count": 1})
        result = get(lambda: database.execute_sql("INSERT INTO t VALUES (zeroblob(100000))"))
        database.close()
        assert (result.status_code, problem(result)["code"]) == (503, "storage_unavailable")

    def test_corrupt_is_storage_unavailable(self, file: Path) -> None:
        file.write_bytes(b"no database" * 1000)
        database = peewee.SqliteDatabase(str(file))
        result = get(lambda: database.execute_sql("SELECT * FROM t"))
        database.close()
        assert (result.status_code, problem(result)["code"]) == (503, "storage_unavailable")

    def test_wrong_statement_is_our_mistake(self, file: Path) -> None:
        database = peewee.SqliteDatabase(str(file))
        result = get(lambda: database.execute_sql("SELECT s3cret FROM nowhere"))
        database.close()
        assert (result.status_code, problem(result)["code"]) == (500, "internal_error")
        assert "nowhere" not in result.text

    def test_error_of_the_driver_itself_is_recognised(self, file: Path) -> None:
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        other = sqlite3.connect(file, timeout=0)
        result = get(lambda: other.execute("INSERT INTO t VALUES (1)"))
        other.close()
        holder.close()
        assert problem(result)["code"] == "busy"


def test_a_storage_that_fails_for_everybody_is_one_line_of_the_log() -> None:
    wsgi = falcon.App(request_type=Request, response_type=Response, middleware=[RequestLog()])
    error_handlers.install(wsgi)
    wsgi.add_route("/full", Raising(raising(sqlite_error("database or disk is full", sqlite3.SQLITE_FULL))))
    wsgi.add_route("/broken", Raising(raising(sqlite_error("disk I/O error", sqlite3.SQLITE_IOERR))))
    client = testing.TestClient(wsgi)
    with structlog.testing.capture_logs() as entries:
        assert {client.simulate_get(path).status_code for path in ("/full", "/broken") * 20} == {503}
    said = [entry for entry in entries if entry["event"] == "storage unavailable"]
    assert [entry["reason"] for entry in said] == [
        "OperationalError: database or disk is full",
        "OperationalError: disk I/O error",
    ]
    assert not any("exc_info" in entry for entry in said)


def sqlite_error(text: str, code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def test_full_disk_is_storage_unavailable() -> None:
    assert problem(get(raising(OSError(28, "No space left on device"))))["code"] == "storage_unavailable"
    assert problem(get(raising(FileNotFoundError(2, "/srv/s3cret"))))["code"] == "internal_error"


@pytest.mark.postgres
def test_postgres_that_takes_too_long_is_busy(postgres_url: str) -> None:
    database = connect(postgres_url, statement_seconds=0.5)
    with database.connected():
        result = get(lambda: database.execute_sql("SELECT pg_sleep(60)"))
    database.close_all()
    assert (result.status_code, problem(result)["code"]) == (503, "busy")


@pytest.mark.postgres
def test_postgres_without_a_free_connection_is_busy(postgres_url: str) -> None:
    database = connect(postgres_url, threads=-2, wait_seconds=0.05)
    result = get(database.connect)
    assert problem(result)["code"] == "busy"


@pytest.mark.postgres
def test_postgres_that_ended_the_connection_is_storage_unavailable(postgres_url: str) -> None:
    database = connect(postgres_url)
    with database.connected():
        result = get(lambda: database.execute_sql("SELECT pg_terminate_backend(pg_backend_pid())"))
    database.close_all()
    assert problem(result)["code"] == "storage_unavailable"


def test_postgres_out_of_reach_is_storage_unavailable() -> None:
    database = connect("postgresql://postgres@127.0.0.1:1/none")
    result = get(database.connect)
    assert (result.status_code, problem(result)["code"]) == (503, "storage_unavailable")
