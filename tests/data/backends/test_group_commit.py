"""Commits on SQLite wait for the disk together, after their turn, and no answer is given before."""

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.backends.sqlite import database as data
from aasim_core.data.backends.sqlite.group_commit import GroupCommit
from aasim_core.data.database import Database
from aasim_core.data.faults import Unconfirmed
from aasim_core.http.storage_errors import storage_refusal

on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)


class Disk:
    """A disk that confirms when it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = self.rescued = 0
        self.fails = False
        self.waits = threading.Semaphore(0)
        self.confirms = threading.Event()
        self.confirms.set()

    def sync(self) -> None:
        self.asked += 1
        self.waits.release()
        self.confirms.wait(60)
        self._answer()

    def rescue(self) -> None:
        self.rescued += 1
        self._answer()

    def _answer(self) -> None:
        if self.fails:
            raise OSError(errno.EIO, "Input/output error")


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def commits(disk: Disk) -> GroupCommit:
    return GroupCommit(disk.sync, disk.rescue)


def commit(commits: GroupCommit) -> None:
    """Commit, and wait for the disk."""
    commits.settle(commits.record())


def running(action: Callable[[], object], count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=action) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_who_commits_while_others_wait_for_the_disk_waits_with_the_next_ones(disk: Disk, commits: GroupCommit) -> None:
    disk.confirms.clear()
    first = running(lambda: commit(commits), 1)
    disk.waits.acquire()
    others = running(lambda: commit(commits), 8)
    while commits._committed < 9:
        threading.Event().wait(0.001)
    assert all(thread.is_alive() for thread in (*first, *others))
    disk.confirms.set()
    for thread in (*first, *others):
        thread.join(60)
    assert disk.asked == 2


def test_what_was_committed_together_waits_once(disk: Disk, commits: GroupCommit) -> None:
    number = commits.record()
    commits.settle(number)
    commits.settle(number)
    assert disk.asked == 1


def test_nobody_is_answered_after_a_failure_until_the_log_is_rescued(disk: Disk, commits: GroupCommit) -> None:
    disk.fails = True
    for _ in range(2):
        with pytest.raises(Unconfirmed):
            commit(commits)
    assert (disk.asked, disk.rescued) == (1, 1)
    disk.fails = False
    commit(commits)
    commit(commits)
    assert (disk.asked, disk.rescued) == (2, 2)


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that the disk was waited for."""
    files: list[str] = []
    monkeypatch.setattr(data, "_sync", lambda file: files.append(str(Path(f"/proc/self/fd/{file}").readlink())))
    return files


@pytest.fixture
def durable_database(empty_database_url: str) -> Iterator[Database]:
    """A database with one table and with full durability, which those of other tests do without."""
    database = connect(empty_database_url)
    with database.connected():
        database.execute_sql("CREATE TABLE thing (id INTEGER)")
        yield database
    database.close_all()


def write(database: Database, *, durable: bool = True) -> None:
    with database.connected(), database.transaction(durable=durable):
        database.execute_sql("INSERT INTO thing VALUES (1)")


@on_sqlite
def test_a_durable_transaction_waits_for_the_disk_to_have_the_log(syncs: list[str], durable_database: Database) -> None:
    write(durable_database, durable=False)
    assert syncs == []
    write(durable_database)
    assert [file.rpartition(".")[2].endswith("-wal") for file in syncs] == [True]


@on_sqlite
def test_others_take_their_turn_while_one_waits_for_the_disk(
    monkeypatch: pytest.MonkeyPatch, disk: Disk, durable_database: Database
) -> None:
    monkeypatch.setattr(data, "_sync", lambda _file: disk.sync())
    disk.confirms.clear()
    (waiting,) = running(lambda: write(durable_database), 1)
    disk.waits.acquire()
    write(durable_database, durable=False)
    assert waiting.is_alive()
    disk.confirms.set()
    waiting.join(60)


@on_sqlite
def test_a_change_that_the_disk_does_not_confirm_is_no_success(
    monkeypatch: pytest.MonkeyPatch, disk: Disk, durable_database: Database
) -> None:
    monkeypatch.setattr(data, "_sync", lambda _file: disk.sync())
    disk.fails = True
    told: list[str] = []

    def change() -> None:
        with durable_database.transaction() as transaction:
            transaction.after_commit.append(lambda: told.append("too early"))
            durable_database.execute_sql("PRAGMA user_version = 1")

    with pytest.raises(peewee.OperationalError) as raised:
        change()
    refused = storage_refusal(raised.value)
    assert refused is not None
    assert (refused.code, "has not confirmed" in refused.message, told) == ("storage_unavailable", True, [])
    write(durable_database)
    assert disk.asked == 1, "the log was not written into the database's own file"


@on_sqlite
def test_a_log_that_somebody_reads_cannot_be_emptied_and_nobody_is_told_of_success(
    monkeypatch: pytest.MonkeyPatch, disk: Disk, empty_database_url: str
) -> None:
    monkeypatch.setattr(data, "_sync", lambda _file: disk.sync())
    database = connect(empty_database_url, wait_seconds=0.1)
    with database.connected():
        database.execute_sql("CREATE TABLE thing (id INTEGER)")
    disk.fails = True
    with pytest.raises(Unconfirmed):
        write(database)
    with closing(sqlite3.connect(database.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM thing").fetchall()
        with pytest.raises(Unconfirmed) as raised:
            write(database)
        assert "the log cannot be emptied now" in str(raised.value.__cause__)
    write(database)
    database.close_all()


@on_sqlite
def test_without_full_durability_nobody_waits_for_the_disk(syncs: list[str], empty_database_url: str) -> None:
    database = connect(empty_database_url, durability="normal")
    with database.connected():
        database.execute_sql("CREATE TABLE thing (id INTEGER)")
    write(database)
    assert syncs == []
    database.close_all()
