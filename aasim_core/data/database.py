"""The interface of a database, independent of the backend."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from .statements import Executor, Statement
from .transactions import Transaction

_T = TypeVar("_T")


class Database(Executor, Protocol):
    """A database with the tenant scope on every statement; `ScopedDatabase` documents each member.

    ``backend`` is ``sqlite`` or ``postgresql``. Code that needs a feature of one backend checks for its class.
    """

    #: Whether rows can be locked when they are read.
    for_update: bool
    #: Called with each statement of a migration before it is sent; set by the migrator.
    watch: Callable[[str], object] | None
    #: Called inside each transaction just before it commits; set by the app to write events and jobs.
    before_commit: Callable[[Transaction], object] | None
    #: Called with each event as it is emitted; set by the app to call the listeners that may refuse it.
    when_emitted: Callable[[Any], object] | None

    #: Called with each statement and its duration.
    query_hooks: list[Any]

    def __hash__(self) -> int:
        """Compare by identity."""

    def execute(self, query: Any, **context_options: Any) -> Any:
        """Render and run a peewee query."""

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run one SQL statement verbatim; outside a system scope it may name no tenant table (`ScopeViolation`)."""

    def run_rendered(self, sql: str, parameters: Any, confined: int, *, reads: bool = False) -> Any:
        """Run one statement in which `confined` tables are restricted to the organization in scope."""

    def for_claims(self) -> "Database":
        """The database over which a worker claims jobs; it may use another connection."""

    def statement(self, build: Callable[..., Any], *shape: Any, plans_each_time: bool = False) -> Statement:
        """Return the compiled form of the query that `build(*shape)` creates, per kind of scope; its plan is kept, or made each time."""

    def run_later(self, statement: Statement, parameters: Any) -> None:
        """Run one compiled statement without a result: before the transaction's next one or at its end; outside a transaction at once."""

    def limited(self, seconds: float) -> AbstractContextManager[None]:
        """Limit each read-only statement inside the block to this many seconds."""

    def time(self) -> datetime:
        """Return the current time of the database's clock, which all machines share."""

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[Transaction]:
        """Run a unit of work: all of it commits, or none."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all statements in the block read the state of one moment, whatever others commit meanwhile."""

    def attempt(self, work: Callable[[], _T], *, durable: bool = True) -> _T:
        """Run `work` in an optimistic transaction, or in the running one; returns its result."""

    def current_transaction(self) -> Transaction:
        """Return this thread's transaction; RuntimeError outside of one."""

    @property
    def is_in_transaction(self) -> bool:
        """Return whether this thread is in a transaction."""

    def fail_transaction(self) -> None:
        """Make the running transaction fail at its end, even if the error is swallowed."""

    def on_rollback(self, action: Callable[[], object]) -> None:
        """Call `action` if the running transaction is rolled back."""

    def note_revision(self, record_id: str, version: int) -> None:
        """Record that the running transaction gave the record this version."""

    def lock(self, name: str) -> None:
        """Hold the lock `name` until the running transaction ends."""

    def try_lock(self, name: str) -> bool:
        """Take the lock `name` like `lock`, or return False if another transaction holds it."""

    def going_on(self) -> str:
        """Return the transactions running now, for `have_ended`."""

    def have_ended(self, going_on: str) -> bool:
        """Return whether all of them have ended, so that later statements see what they wrote."""

    def connected(self) -> AbstractContextManager[None]:
        """Hold a connection for one request or one unit of a worker's work; a nested block uses the outer block's connection."""

    def release(self) -> None:
        """Release this thread's connection for other threads."""

    def dispose(self) -> None:
        """Drop every connection without closing it; a forked child does this."""

    def close(self) -> Any:
        """Return this thread's connection."""

    def close_all(self) -> None:
        """Close this thread's connection and the idle ones."""

    def get_tables(self) -> Sequence[str]:
        """Return the names of its tables."""

    def get_views(self) -> Sequence[Any]:
        """Return its views."""

    def get_columns(self, table: str) -> Sequence[Any]:
        """Return the columns of a table, with `name`, `data_type` and `null`."""

    def get_indexes(self, table: str) -> Sequence[Any]:
        """Return the indexes of a table, with `name`, `sql`, `columns` and `unique`."""

    def get_primary_keys(self, table: str) -> Sequence[str]:
        """Return the columns of a table's primary key."""

    def table_exists(self, table: str) -> bool:
        """Return whether the table exists."""

    def create_tables(self, models: Sequence[Any], **options: Any) -> None:
        """Create the tables of these records."""

    def drop_tables(self, models: Sequence[Any]) -> None:
        """Drop the tables of these records."""
