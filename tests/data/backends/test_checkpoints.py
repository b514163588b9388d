"""SQLite's log is brought into the database's file beside those who write, and does not grow without end."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.backends.sqlite import checkpoints
from aasim_core.data.backends.sqlite.checkpoints import MOST_PAGES, Checkpoints
from aasim_core.data.database import Database
from aasim_core.data.statements import Statement

on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
INSERT = Statement("INSERT INTO note VALUES (?)", (), crosses=False, gives_rows=False)
PAGE = 4096


@pytest.fixture
def notes(empty_database_url: str) -> Iterator[Database]:
    """A database with an empty table of texts."""
    database = connect(empty_database_url, durability="normal")
    with database.connected():
        database.execute_sql("CREATE TABLE note (text TEXT NOT NULL)")
        yield database
    database.close_all()


@on_sqlite
def test_after_some_commits_the_file_has_what_was_in_the_log(notes: Database) -> None:
    file = Path(notes.database)
    before = file.stat().st_size
    for _ in range(checkpoints._EVERY):
        notes.run_alone(INSERT, ("x" * PAGE,))
    end = time.monotonic() + 60
    while file.stat().st_size < before + checkpoints._EVERY // 2 * PAGE:
        assert time.monotonic() < end, "nothing was brought over"
        threading.Event().wait(0.01)


@pytest.mark.long
@on_sqlite
def test_the_log_is_bounded_while_others_read_and_write(notes: Database) -> None:
    log = Path(f"{notes.database}-wal")
    for _ in range(2 * MOST_PAGES // 64):
        notes.run_alone(INSERT, ("x" * PAGE * 64,))
    assert log.stat().st_size < (MOST_PAGES + 200) * (PAGE + 24)


@on_sqlite
def test_one_checkpoint_is_made_at_a_time_and_another_one_after_it(monkeypatch: pytest.MonkeyPatch, notes: Database) -> None:
    monkeypatch.setattr(checkpoints, "_EVERY", 1)
    opened, may_go_on = threading.Semaphore(0), threading.Semaphore(0)

    def open_slowly() -> object:
        opened.release()
        may_go_on.acquire(timeout=60)
        return notes._open()

    made = Checkpoints(open_slowly)
    for _ in range(3):
        made.count_commit()
    assert opened.acquire(timeout=60)
    assert not opened.acquire(blocking=False)
    may_go_on.release()
    assert made._running.acquire(timeout=60)
    made._running.release()
    made.count_commit()
    assert opened.acquire(timeout=60)
    may_go_on.release()


def test_a_checkpoint_that_fails_leaves_room_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_EVERY", 1)

    def open_in_vain() -> object:
        raise peewee.OperationalError("disk I/O error")

    made = Checkpoints(open_in_vain)
    made.count_commit()
    assert made._running.acquire(timeout=60)
