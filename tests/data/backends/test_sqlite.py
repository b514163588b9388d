"""SQLite under many threads and processes: nobody is starved, nothing is lost, and waiting ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.backends.sqlite import database as data
from aasim_core.data.database import Database

from .writers import WAIT_SECONDS

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "error"}


@pytest.fixture
def counter(empty_database: Database) -> Database:
    """A database with a count of zero."""
    empty_database.execute_sql("CREATE TABLE counter (count INTEGER)")
    empty_database.execute_sql("INSERT INTO counter VALUES (0)")
    return empty_database


@pytest.mark.long
@pytest.mark.parametrize("threads", [(8, 8), (12, 1), (4, 4, 4)], ids=str)
def test_writers_of_several_processes_take_turns(threads: tuple[int, ...], counter: Database, empty_database_url: str) -> None:
    script = [sys.executable, str(Path(__file__).with_name("writers.py")), empty_database_url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen([*script, str(count), "2"], text=True, env=ENVIRONMENT, **pipes) for count in threads]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * len(threads)  # type: ignore[union-attr]
    for process in processes:
        process.stdin.write("go\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(threads)
    done = [json.loads(output) for output in outputs]
    assert counter.execute_sql("SELECT count FROM counter").fetchone()[0] == sum(
        count for process in done for count, _ in process
    )
    # A turn of a process is used by all of its threads that wait, so it is for its threads that processes have to be alike; a busy
    # machine that lets one of them wait makes a factor of 20, a process that gets no turns one of thousands.
    rows_of_a_thread = [sum(count for count, _ in process) / len(process) for process in done]
    assert min(rows_of_a_thread) > max(rows_of_a_thread) / 200, rows_of_a_thread
    assert max(longest for process in done for _, longest in process) < WAIT_SECONDS / 2, done


def read_by_another_process(url: str) -> int:
    """The count, as a process sees it that opens the file and closes it again."""
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute('SELECT count FROM counter').fetchone()); c.close()"
    command = [sys.executable, "-c", program, url.removeprefix("sqlite:///")]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_process_that_ends_leaves_the_log_to_those_that_have_the_file_open(counter: Database, empty_database_url: str) -> None:
    visitor = threading.Thread(target=lambda: counter.connect() and counter.close())
    visitor.start()
    visitor.join()
    assert read_by_another_process(empty_database_url) == 0
    with counter.transaction():
        counter.execute_sql("UPDATE counter SET count = 1")
    assert read_by_another_process(empty_database_url) == 1


@pytest.mark.parametrize("durable", [True, False])
def test_what_went_wrong_is_told_also_where_the_connection_is_lost_with_it(durable: bool, counter: Database) -> None:
    def lose_connection() -> None:
        with counter.transaction(durable=durable):
            counter.connection().close()
            raise RuntimeError("what went wrong")

    with pytest.raises(RuntimeError, match="what went wrong"):
        lose_connection()
    with counter.connected(), counter.transaction(durable=durable):
        counter.execute_sql("UPDATE counter SET count = 1")


@pytest.fixture
def occupied(empty_database_url: str, counter: Database) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the middle of a transaction and does not end it."""
    program = """
import sys
from aasim_core.data.backends.connect import connect
database = connect(sys.argv[1])
with database.connected(), database.transaction():
    database.execute_sql("UPDATE counter SET count = 99")
    print("writing", flush=True)
    sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program, empty_database_url], text=True, env=ENVIRONMENT, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def add_one(database: Database) -> None:
    """Write once."""
    with database.transaction():
        database.execute_sql("UPDATE counter SET count = count + 1")


@pytest.mark.long
def test_a_writer_gives_up_when_another_process_does_not_end(
    occupied: subprocess.Popen[str], counter: Database, empty_database_url: str
) -> None:
    database = connect(empty_database_url, wait_seconds=0.2)
    start = time.monotonic()
    with database.connected():
        for _ in range(2):
            with pytest.raises(peewee.OperationalError, match="busy"):
                add_one(database)
        assert database.execute_sql("SELECT count FROM counter").fetchone()[0] == 0
    assert time.monotonic() - start < 20
    database.close_all()


@pytest.mark.long
def test_a_writer_gives_up_when_another_thread_does_not_end(counter: Database, empty_database_url: str) -> None:
    database = connect(empty_database_url, wait_seconds=0.2)
    writing, ended = threading.Event(), threading.Event()

    def occupy() -> None:
        with database.connected(), database.transaction():
            database.execute_sql("PRAGMA user_version = 1")
            writing.set()
            ended.wait(60)

    thread = threading.Thread(target=occupy)
    thread.start()
    writing.wait(60)
    with database.connected(), pytest.raises(peewee.OperationalError, match="busy"):
        add_one(database)
    ended.set()
    thread.join()
    with database.connected():
        add_one(database)
    database.close_all()


@pytest.mark.long
def test_the_turn_of_a_killed_process_is_over(occupied: subprocess.Popen[str], counter: Database) -> None:
    occupied.send_signal(signal.SIGKILL)
    occupied.wait()
    add_one(counter)
    assert counter.execute_sql("SELECT count FROM counter").fetchone()[0] == 1


@pytest.mark.long
def test_a_stranger_with_a_lock_makes_writers_busy_not_readers(counter: Database, empty_database_url: str) -> None:
    import sqlite3

    database = connect(empty_database_url, wait_seconds=0.2)
    stranger = sqlite3.connect(empty_database_url.removeprefix("sqlite:///"), isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with database.connected():
        with pytest.raises(peewee.OperationalError, match="locked"):
            add_one(database)
        assert database.execute_sql("SELECT count FROM counter").fetchone()[0] == 0
        stranger.execute("ROLLBACK")
        add_one(database)
    stranger.close()
    database.close_all()


def test_a_thread_takes_its_connection_with_it(counter: Database, empty_database_url: str) -> None:
    path = Path(empty_database_url.removeprefix("sqlite:///"))

    def write() -> None:
        with counter.connected():
            add_one(counter)

    add_one(counter)
    before = len(open_files(path))
    for _ in range(5):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(open_files(path)) <= before + 1  # SQLite itself keeps one for the next connection


def open_files(path: Path) -> list[str]:
    """The files of the database that this process has open."""
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [str(link) for link in links if str(link).startswith(str(path))]


@pytest.mark.long
def test_a_forked_child_goes_on_with_connections_of_its_own(counter: Database, empty_database_url: str) -> None:
    program = """
import os, sys
from aasim_core.data.backends.connect import connect
database = connect(sys.argv[1])
database.connect()
with database.transaction():
    database.execute_sql("UPDATE counter SET count = 0")
    child = os.fork()
    if not child:
        database.dispose()
        try:
            with database.connected(), database.transaction():
                database.execute_sql("UPDATE counter SET count = 5")
        except Exception as error:
            os._exit(3 if "busy" in str(error) else 4)
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3, "the child shared its parent's turn"
    database.execute_sql("UPDATE counter SET count = 1")
child = os.fork()
if not child:
    database.dispose()
    with database.connected(), database.transaction():
        database.execute_sql("UPDATE counter SET count = count + 1")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
with database.transaction():
    database.execute_sql("UPDATE counter SET count = count + 1")
"""
    subprocess.run([sys.executable, "-c", program, empty_database_url], check=True, env=ENVIRONMENT, timeout=60)
    assert counter.execute_sql("SELECT count FROM counter").fetchone()[0] == 3
    assert counter.execute_sql("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.parametrize(("durability", "waits"), [("full", 1), ("normal", 0)])
def test_durability_is_what_the_settings_say(
    durability: str, waits: int, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(data, "_sync", synced.append)
    database = connect(empty_database_url, durability=durability)
    with database.connected():
        # What is waited for is the log; without more than this pragma asks for, it would not be whole after a loss of power.
        assert database.execute_sql("PRAGMA synchronous").fetchone()[0] == 1
        assert database.execute_sql("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert database.execute_sql("PRAGMA foreign_keys").fetchone()[0] == 1
        with database.transaction():
            database.execute_sql("CREATE TABLE thing (id INTEGER)")
    assert len(synced) == waits
    database.close_all()
