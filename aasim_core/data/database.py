"""The interface of a database: all that anybody may ask of one, whichever it is."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from .statements import Executor, Statement
from .transactions import Transaction

_T = TypeVar("_T")


class Database(Executor, Protocol):
    """A database with the tenant scope on every statement; `ScopedDatabase` says what each member does.

    ``backend`` is ``sqlite`` or ``postgresql``. Whoever needs what only one of them has asks for its class.
    """

    #: Whether rows can be locked as they are read.
    for_update: bool
    #: Called with each statement of a migration before it is sent; the migrator sets it.
    watch: Callable[[str], object] | None
    #: Called inside each transaction just before it commits; the app sets it to write events and jobs.
    before_commit: Callable[[Transaction], object] | None
    #: Called with each event as it is emitted; the app sets it to ask those who may refuse it.
    when_emitted: Callable[[Any], object] | None

    #: Called with each statement and how long it took.
    query_hooks: list[Any]

    def __hash__(self) -> int:
        """By identity."""

    def execute(self, query: Any, **context_options: Any) -> Any:
        """Render and run a query of peewee's."""

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run one statement as it is written; it may name no tenant's table, but in a system scope (`ScopeViolation`)."""

    def run_rendered(self, sql: str, parameters: Any, confined: int, *, reads: bool = False) -> Any:
        """Run one statement, so many of whose tables are `confined` to the organization in scope."""

    def for_claims(self) -> "Database":
        """Where a worker claims jobs, which may be another connection."""

    def statement(self, build: Callable[[], Any]) -> Statement:
        """The compiled form of the query that `build` makes, for each kind of scope."""

    def run_later(self, statement: Statement, parameters: Any) -> None:
        """Run one compiled statement that gives nothing: before the transaction's next one, or at its end; outside of one at once."""

    def limited(self, seconds: float) -> AbstractContextManager[None]:
        """Let no statement inside, where nothing is written, take longer than so many seconds."""

    def time(self) -> datetime:
        """The present moment by the database's clock, which is the same for all machines."""

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[Transaction]:
        """Run a unit of work: all of it commits, or none."""

    def attempt(self, work: Callable[[], _T], *, durable: bool = True) -> _T:
        """Do `work` in an optimistic transaction, or in the running one; returns what it returns."""

    def current_transaction(self) -> Transaction:
        """The transaction that this thread is in; RuntimeError outside of one."""

    @property
    def is_in_transaction(self) -> bool:
        """Whether this thread is in a transaction."""

    def fail_transaction(self) -> None:
        """Let the running transaction fail by its end, whoever swallows the error."""

    def on_undo(self, action: Callable[[], object]) -> None:
        """Call `action` if the running transaction is undone."""

    def note_revision(self, record_id: str, version: int) -> None:
        """Say that the running transaction gave the record this version."""

    def lock(self, name: str) -> None:
        """Let no other transaction hold the lock `name` until the running one ends."""

    def try_lock(self, name: str) -> bool:
        """Take the lock `name` as `lock` does, or return False where another transaction holds it."""

    def going_on(self) -> str:
        """Which transactions are going on now, for `have_ended`."""

    def have_ended(self, going_on: str) -> bool:
        """Whether all of them have ended, so that a statement from now on sees what they have written."""

    def connected(self) -> AbstractContextManager[None]:
        """Hold a connection for one request or one turn of a worker; inside another such block, the connection of that."""

    def release(self) -> None:
        """Let others have this thread's connection."""

    def dispose(self) -> None:
        """Forget every connection without closing it; a forked child does this."""

    def close(self) -> Any:
        """Give this thread's connection back."""

    def close_all(self) -> None:
        """Close this thread's connection and those that nobody uses."""

    def get_tables(self) -> Sequence[str]:
        """The names of its tables."""

    def get_views(self) -> Sequence[Any]:
        """Its views."""

    def get_columns(self, table: str) -> Sequence[Any]:
        """The columns of a table, with `name`, `data_type` and `null`."""

    def get_indexes(self, table: str) -> Sequence[Any]:
        """The indexes of a table, with `name`, `sql`, `columns` and `unique`."""

    def get_primary_keys(self, table: str) -> Sequence[str]:
        """The columns of a table's primary key."""

    def table_exists(self, table: str) -> bool:
        """Whether there is such a table."""

    def create_tables(self, models: Sequence[Any], **options: Any) -> None:
        """Make the tables of these records."""

    def drop_tables(self, models: Sequence[Any]) -> None:
        """Drop the tables of these records."""
