"""On SQLite, threads that write at the same time commit together, and each is still a unit of work of its own."""

import threading
import time
from collections.abc import Callable, Iterator

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.statements import Statement
from aasim_core.http.storage_errors import storage_refusal

INSERT = Statement("INSERT INTO note VALUES (?)", (), crosses=False, gives_rows=False)

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)


@pytest.fixture
def notes(empty_database_url: str) -> Iterator[Database]:
    """A database with an empty table of texts."""
    database = connect(empty_database_url, wait_seconds=60)
    with database.connected():
        database.execute_sql("CREATE TABLE note (text TEXT NOT NULL)")
        yield database
    database.close_all()


class Writer(threading.Thread):
    """Writes `text` in a transaction of its own, calls `inside` in it, and keeps what went wrong."""

    def __init__(self, database: Database, text: str | None, inside: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self._database, self._text, self._inside = database, text, inside
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            with self._database.connected(), self._database.transaction() as transaction:
                transaction.after_commit.append(lambda: setattr(self, "seen", texts(self._database)))
                self._database.execute_sql("INSERT INTO note VALUES (?)", (self._text,))
                self._inside()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error


def texts(database: Database) -> list[str]:
    """What is committed."""
    with database.connected():
        return sorted(text for (text,) in database.execute_sql("SELECT text FROM note").fetchall())


def behind_each_other(database: Database, *writers: tuple[str | None, Callable[[], object]]) -> list[Writer]:
    """Threads that write one after the other, all of which wait for their turn while the first one has it."""
    all_wait = threading.Event()
    (text, inside), *rest = writers
    first = Writer(database, text, lambda: (all_wait.wait(60), inside()))
    _until(lambda: database._batches._is_busy)  # type: ignore[union-attr]
    others: list[Writer] = []
    for each in rest:
        others.append(Writer(database, *each))
        _until(lambda: len(database._batches._waiting) == len(others))  # type: ignore[union-attr]
    all_wait.set()
    for writer in (first, *others):
        writer.join(60)
    return [first, *others]


def _until(check: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        threading.Event().wait(0.001)


class Guest(threading.Thread):
    """Writes `text` in one statement, which may be run by whoever has the turn, and keeps what went wrong."""

    def __init__(self, database: Database, text: str | None) -> None:
        super().__init__()
        self._database, self._text = database, text
        self.error: BaseException | None = None
        self.seen: list[str] = []
        self.start()

    def run(self) -> None:
        try:
            with self._database.connected():
                self._database.run_alone(INSERT, (self._text,))
                self.seen = texts(self._database)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error


def guests_of(database: Database, *given: str | None) -> list[Guest]:
    """Threads that write these texts, all of which wait while another one has the turn, which then ends."""
    all_wait = threading.Event()
    host = Writer(database, "host", lambda: all_wait.wait(60))
    _until(lambda: database._batches._is_busy)  # type: ignore[union-attr]
    guests = []
    for text in given:
        guests.append(Guest(database, text))
        _until(lambda: len(database._batches._waiting) == len(guests))  # type: ignore[union-attr]
    all_wait.set()
    for thread in (host, *guests):
        thread.join(60)
    assert host.error is None
    return guests


def nothing() -> None:
    """Nothing more."""


def fail() -> None:
    raise LookupError("this unit")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no batch end because the machine is slow."""
    monkeypatch.setattr("aasim_core.data.backends.sqlite.write_batches._LONGEST_SECONDS", 60)


@pytest.mark.usefixtures("patient")
def test_threads_that_wait_for_each_other_commit_together(notes: Database) -> None:
    seen: list[list[str]] = []
    writers = behind_each_other(notes, ("a", nothing), ("b", nothing), ("c", lambda: seen.append(to_a_stranger(notes))))
    assert [writer.error for writer in writers] == [None] * 3
    assert seen == [[]], "a unit was committed although another one waited"
    assert texts(notes) == ["a", "b", "c"]


def to_a_stranger(database: Database) -> list[str]:
    """The texts that another connection sees, of somebody who does not know about batches."""
    import sqlite3

    stranger = sqlite3.connect(database.database)
    found = [text for (text,) in stranger.execute("SELECT text FROM note")]
    stranger.close()
    return found


@pytest.mark.usefixtures("patient")
def test_nobody_goes_on_before_the_common_commit(notes: Database) -> None:
    writers = behind_each_other(notes, ("a", nothing), ("b", nothing), ("c", nothing))
    assert [writer.seen for writer in writers] == [["a", "b", "c"]] * 3  # type: ignore[attr-defined]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("failing", range(3))
def test_a_unit_that_fails_is_undone_alone(failing: int, notes: Database) -> None:
    writers = behind_each_other(notes, *((text, fail if n == failing else nothing) for n, text in enumerate("abc")))
    assert [type(writer.error) for writer in writers] == [LookupError if n == failing else type(None) for n in range(3)]
    assert texts(notes) == [text for n, text in enumerate("abc") if n != failing]


@pytest.mark.usefixtures("patient")
def test_a_statement_that_fails_undoes_its_unit_alone(notes: Database) -> None:
    writers = behind_each_other(notes, ("a", nothing), (None, nothing), ("c", nothing))
    assert [type(writer.error) for writer in writers] == [type(None), peewee.IntegrityError, type(None)]
    assert texts(notes) == ["a", "c"]


@pytest.mark.usefixtures("patient")
def test_nobody_is_told_that_it_succeeded_when_the_connection_is_lost(notes: Database) -> None:
    def lose() -> None:
        notes.connection().close()

    writers = behind_each_other(notes, ("a", nothing), ("b", lose), ("c", nothing))
    assert isinstance(writers[0].error, peewee.PeeweeException)
    assert writers[1].error is not None
    assert texts(notes) == ([] if writers[2].error else ["c"])
    Writer(notes, "d").join(60)
    assert "d" in texts(notes)


@pytest.mark.usefixtures("patient")
def test_a_unit_that_cannot_be_undone_alone_undoes_those_that_commit_with_it(notes: Database) -> None:
    def roll_back_and_fail() -> None:
        notes.execute_sql("ROLLBACK")
        fail()

    first, second = behind_each_other(notes, ("a", nothing), ("b", roll_back_and_fail))
    assert isinstance(second.error, LookupError)
    assert "undone with another one that failed" in str(first.error)
    assert isinstance(first.error, peewee.OperationalError) and first.error.__cause__ is second.error
    assert texts(notes) == []


@pytest.mark.usefixtures("patient")
def test_a_full_disk_fails_whoever_is_in_the_batch(notes: Database) -> None:
    def fill() -> None:
        pages = notes.execute_sql("PRAGMA page_count").fetchone()[0]
        notes.execute_sql(f"PRAGMA max_page_count = {pages}")
        notes.execute_sql("INSERT INTO note VALUES (?)", ("x" * 100_000,))

    writers = behind_each_other(notes, ("a", nothing), ("b", fill))
    refused = [storage_refusal(writer.error) for writer in writers if writer.error]
    assert refused[-1] is not None
    assert texts(notes) == [writer._text for writer in writers if writer.error is None]


def test_a_query_that_nobody_read_to_its_end_keeps_no_later_unit_from_writing(notes: Database) -> None:
    with notes.transaction():
        notes.execute_sql("INSERT INTO note VALUES ('a'), ('b'), ('c')")
    with notes.transaction():
        unread = notes.execute_sql("SELECT text FROM note")
        unread.fetchone()
    other = connect(f"sqlite:///{notes.database}")
    with other.connected(), other.transaction():
        other.execute_sql("INSERT INTO note VALUES ('d')")
    other.close_all()
    with notes.transaction():
        notes.execute_sql("INSERT INTO note VALUES ('e')")
    assert texts(notes) == ["a", "b", "c", "d", "e"]
    del unread


@pytest.mark.usefixtures("patient")
def test_a_batch_has_an_end_however_many_wait(notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aasim_core.data.backends.sqlite.write_batches._MOST_UNITS", 2)
    seen: list[list[str]] = []
    behind_each_other(notes, ("a", nothing), ("b", nothing), ("c", lambda: seen.append(to_a_stranger(notes))))
    assert seen == [["a", "b"]]


@pytest.mark.usefixtures("patient")
def test_who_has_the_turn_writes_for_those_who_wait(notes: Database) -> None:
    begun: list[str] = []
    notes._batches._begin = lambda begin=notes._batches._begin: (begun.append("BEGIN"), begin())  # type: ignore[union-attr, assignment, misc]
    guests = guests_of(notes, "a", "b", "c")
    assert [guest.seen for guest in guests] == [["a", "b", "c", "host"]] * 3
    assert begun == ["BEGIN"]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("failing", range(3))
def test_what_is_written_for_another_thread_fails_for_that_thread_alone(failing: int, notes: Database) -> None:
    guests = guests_of(notes, *(None if n == failing else text for n, text in enumerate("abc")))
    assert [type(guest.error) for guest in guests] == [peewee.IntegrityError if n == failing else type(None) for n in range(3)]
    assert texts(notes) == [text for n, text in enumerate("abc") if n != failing] + ["host"]


def test_guests_of_a_batch_that_does_not_grow_write_for_themselves(notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aasim_core.data.backends.sqlite.write_batches._LONGEST_SECONDS", 0)
    guests = guests_of(notes, "a", "b")
    assert [guest.error for guest in guests] == [None, None]
    assert texts(notes) == ["a", "b", "host"]


@pytest.mark.long
def test_a_guest_gives_up_where_nobody_comes_to_an_end(empty_database_url: str, notes: Database) -> None:
    hurried = connect(empty_database_url, wait_seconds=0.1)
    ended = threading.Event()
    host = Writer(hurried, "host", lambda: ended.wait(60))
    _until(lambda: hurried._batches._is_busy)  # type: ignore[union-attr]
    guest = Guest(hurried, "too late")
    guest.join(60)
    ended.set()
    host.join(60)
    assert isinstance(guest.error, peewee.OperationalError)
    assert "busy" in str(guest.error)
    assert texts(notes) == ["host"]
    hurried.close_all()
