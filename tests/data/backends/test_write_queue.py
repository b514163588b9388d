"""The queue of writers to a SQLite file: a writer who waits too long, or finds no lock file, is told."""

import threading
from pathlib import Path

import peewee
import pytest

from aasim_core.data.backends.sqlite.write_queue import WriteQueue


def test_a_thread_that_waits_too_long_for_another_one_is_told_that_it_is_busy(tmp_path: Path) -> None:
    queue = WriteQueue(str(tmp_path / "aasim.db"), wait_seconds=0.01)
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        with queue.turn():
            begun.set()
            end.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert begun.wait(60)
    with pytest.raises(peewee.OperationalError, match="the database is busy"), queue.turn():
        pass
    end.set()
    thread.join()


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    queue = WriteQueue(str(tmp_path / "nowhere" / "aasim.db"), wait_seconds=1)
    with pytest.raises(peewee.OperationalError, match=r"lock file .*/nowhere/aasim\.db\.next: No such file"), queue.turn():
        pass
