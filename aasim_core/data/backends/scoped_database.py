"""Shared behavior of both databases: one connection per thread, one way to write, and the tenant scope on every statement."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, TypeVar

import peewee

from ...clock import from_text
from ...context import scope_or_nothing
from ..faults import Unconfirmed
from ..scope import ScopedContext, refuse_unscoped
from ..statements import Result, Statement, only_reads
from ..transactions import Conflict, ThreadState, Transaction, UnitOfWork, Write, joining
from .connections import Connected
from .statement_cache import StatementCache

_T = TypeVar("_T")


class ScopedDatabase(ABC):
    """Mixin for peewee's database classes: scoped rendering, the final check, transactions and compiled statements."""

    context_class = ScopedContext
    tenant_tables: frozenset[str] = frozenset()
    #: SQL for the current time of the database's clock, as text of `InstantField`.
    time_query: str
    #: Called with each statement of a migration before it is sent; set by the migrator.
    watch: Callable[[str], object] | None = None
    #: Called inside each transaction just before it commits; set by the app to write events and jobs.
    before_commit: Callable[[Transaction], object] | None = None
    #: Called with each event as it is emitted; set by the app to call the listeners that may refuse it.
    when_emitted: Callable[[Any], object] | None = None

    def _prepare(self) -> None:
        self._local = ThreadState()
        self._statements = StatementCache()
        self._inherited: list[Any] = []

    def get_context_options(self) -> dict[str, Any]:
        return {**super().get_context_options(), "tenant_tables": self.tenant_tables}  # type: ignore[misc]

    def execute(self, query: Any, **context_options: Any) -> Any:
        """Render and run a peewee query."""
        context = self.get_sql_context(**context_options)  # type: ignore[attr-defined]
        sql, parameters = context.sql(query).query()
        return self.run_rendered(sql, parameters, context.confined, reads=only_reads(sql))

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run one SQL statement verbatim; outside a system scope it may name no tenant table (`ScopeViolation`)."""
        return self.run_rendered(sql, params, 0)

    def time(self) -> datetime:
        """Return the current time of the database's clock, which all machines share."""
        return from_text(self.execute_sql(self.time_query).fetchone()[0])

    def run_rendered(self, sql: str, parameters: Any, confined: int, *, reads: bool = False) -> Any:
        """Run one statement in which `confined` tables are restricted to the organization in scope; one that `reads` writes nothing."""
        refuse_unscoped(sql, confined, self.tenant_tables)
        if self.watch is not None:
            self.watch(sql)
        is_last = False
        while True:
            try:
                self._make_ready(only_reads=reads)
                return super().execute_sql(sql, parameters)  # type: ignore[misc]
            except peewee.PeeweeException as error:
                if is_last or not self._has_reconnected(reads):
                    self._fail(error, is_commit=self._local.unit is None and not only_reads(sql))
                    raise
            is_last = True

    def run_compiled(self, statement: Statement, parameters: Any) -> Result:
        """Run one compiled statement to completion without a peewee cursor, whose creation takes as long as a short statement."""
        is_last = False
        while True:
            try:
                self._make_ready(only_reads=statement.only_reads)
                return self._execute(self._own_connection(), statement, parameters)
            except Exception as error:
                if is_last or not self._has_reconnected(statement.only_reads):
                    self._fail(error, is_commit=self._local.unit is None and not statement.only_reads)
                    raise
            is_last = True

    def _has_reconnected(self, only_reads: bool) -> bool:
        """Return whether a lost connection was replaced, so that a statement that had no effect can be retried."""
        return False

    def _fail(self, error: Exception, *, is_commit: bool) -> None:
        """Mark the running transaction as failed along with a statement; a write outside a transaction is its own commit."""
        self.fail_transaction()

    def run_later(
        self,
        statement: Statement,
        parameters: Any,
        *,
        expects_one: bool = False,
        tell: Callable[[Any], object] | None = None,
        row_id: str | None = None,
    ) -> None:
        """Run one compiled statement without a result: before the transaction's next one or at its end; outside a transaction at once.

        Its errors may therefore be raised by a later statement or by the commit.
        """
        if (unit := self._local.unit) is None:
            self.run_compiled(statement, parameters)
            return
        scope, write = scope_or_nothing(), Write(statement, parameters, expects_one, tell, row_id)
        if not unit.has_room(scope, write):
            self._write_deferred(unit)
        unit.put(scope, write)

    def change_one(
        self, statement: Statement, parameters: Any, tell: Callable[[Any], object] | None = None, row_id: str | None = None
    ) -> bool:
        """Return whether a compiled statement changed its row; an optimistic transaction assumes it. `tell` is called when it has run.

        `row_id` is the row's id, needed where several statements of a transaction may change the same row.
        """
        if (transaction := self._local.transaction) is not None and transaction.optimistic:
            self.run_later(statement, parameters, expects_one=True, tell=tell, row_id=row_id)
            return True
        result = self.run_alone(statement, parameters)
        if tell is not None and result.rowcount:
            tell(result.fetchone())
        return bool(result.rowcount)

    def on_rollback(self, action: Callable[[], object]) -> None:
        """Call `action` if the running transaction is rolled back."""
        if (transaction := self._local.transaction) is not None:
            transaction.on_rollback.append(action)

    def note_revision(self, record_id: str, version: int) -> None:
        """Record that the running transaction gave the record this version, for the events about it."""
        if (transaction := self._local.transaction) is not None:
            transaction.revisions[record_id] = version

    @abstractmethod
    def run_alone(self, statement: Statement, parameters: Any, *, durable: bool = True) -> Result:
        """Run one compiled statement as its own unit of work, or within the running transaction; `durable` as in `transaction`."""

    @abstractmethod
    def limited(self, seconds: float) -> AbstractContextManager[None]:
        """Limit each read-only statement inside the block to this many seconds; OperationalError (`busy`) ends it."""

    @abstractmethod
    def _begin(self, unit: UnitOfWork) -> None:
        """Begin the transaction in the database, unless it has begun."""

    @abstractmethod
    def _write(self, unit: UnitOfWork) -> None:
        """Begin the transaction if necessary, and send the deferred writes."""

    def _execute(self, connection: Any, statement: Statement, parameters: Any) -> Result:
        """Let the driver run a statement over its `connection`."""
        started = time.perf_counter() if self.query_hooks else 0.0  # type: ignore[attr-defined]
        try:
            result = self._result_of(connection, statement, parameters)
        except Exception:
            with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
                raise
        if started:
            self._notify_hooks(statement.sql, parameters, started, None)  # type: ignore[attr-defined]
        return result

    @abstractmethod
    def _result_of(self, connection: Any, statement: Statement, parameters: Any) -> Result:
        """Return the driver's result for a statement; raises the driver's errors."""

    def fail_transaction(self) -> None:
        """Make the running transaction fail at its end, even if the error is swallowed.

        PostgreSQL would answer its COMMIT with a silent rollback, and SQLite would keep the part that succeeded.
        """
        if (transaction := self._local.transaction) is not None:
            transaction.failed = True

    def _own_connection(self) -> Any:
        """Return this thread's driver connection; InterfaceError when it has none."""
        if self._state.conn is None:  # type: ignore[attr-defined]
            self._reopen()
        return self._state.conn  # type: ignore[attr-defined]

    def _reopen(self) -> None:
        """Replace this thread's lost connection; InterfaceError when it had none."""
        raise peewee.InterfaceError("no connection is open; wrap the work in database.connected()")

    def _make_ready(self, *, only_reads: bool) -> None:
        """Send the deferred writes, and begin for a statement that writes or locks; `only_reads` is whether the next statement does
        neither."""
        unit = self._local.unit
        if unit is None:
            return
        if unit.is_snapshot and only_reads:
            self._begin(unit)
        elif unit.waiting or not only_reads:
            unit.refuse_in_snapshot()
            self._write_deferred(unit)

    def _write_deferred(self, unit: UnitOfWork) -> None:
        """Send the deferred writes; their errors are those of the writes, and not of the statement that made them be sent."""
        try:
            self._write(unit)
        except peewee.PeeweeException as error:
            error.of_deferred_write = True  # type: ignore[attr-defined]  # see faults.is_of_deferred_write
            raise

    def statement(self, build: Callable[..., Any], *shape: Any, plans_each_time: bool = False) -> Statement:
        """Return the compiled form of the query that `build(*shape)` creates, per kind of scope.

        The code and closure of `build`, and the `shape`, are the cache key. Its plan is not kept where it `plans_each_time`. Raises
        TypeError where it depends on mutable values (see `key_of`).
        """
        return self._statements.compiled(self, build, shape, plans_each_time)

    def current_transaction(self) -> Transaction:
        """Return this thread's transaction; RuntimeError outside of one."""
        transaction = self._local.transaction
        if transaction is None:
            raise RuntimeError("this needs a transaction; wrap the change in database.transaction()")
        return transaction

    @property
    def is_in_transaction(self) -> bool:
        """Return whether this thread is in a transaction."""
        return self._local.transaction is not None

    def lock(self, name: str) -> None:
        """Hold the lock `name` until the running transaction ends; a transaction that counts and then writes takes it first."""
        self.current_transaction()

    def try_lock(self, name: str) -> bool:
        """Take the lock `name` like `lock`, or return False if another transaction holds it."""
        self.lock(name)
        return True

    def going_on(self) -> str:
        """Return the transactions running now, for `have_ended`; on SQLite, a transaction that has begun to write is the only one."""
        return ""

    def have_ended(self, going_on: str) -> bool:
        """Return whether all of them have ended, so that later statements see what they wrote."""
        return True

    def attempt(self, work: Callable[[], _T], *, durable: bool = True) -> _T:
        """Run `work` in its own transaction, or in the running one; returns its result.

        In its own transaction, each `change_one` is assumed to succeed until the end. On a conflict everything is rolled back, and `work`
        runs once more with each change applied at once; so it may change nothing but rows and their records.
        """
        if self._local.transaction is not None:
            return work()
        try:
            with self._running(Transaction(optimistic=True), UnitOfWork(durable=durable)):
                return work()
        except Exception as error:
            # A constraint may also be violated by a write based on a conflict, perhaps as the cause of a plugin's fault.
            if not isinstance(error, Conflict | peewee.IntegrityError) and not isinstance(error.__cause__, peewee.IntegrityError):
                raise
            # Nothing was written; a constraint that is violated without a conflict is violated below too, which raises.
        with self.transaction(durable=durable):
            return work()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Run a unit of work: all of it commits, or none. An inner block joins the outer one, and its failure fails the outer one.

        One that is not `durable` survives the death of any process, but perhaps not a power failure: it does not wait for the disk.
        """
        running = self._local.transaction
        begun = self._running(Transaction(), UnitOfWork(durable=durable)) if running is None else joining(running)
        with begun as transaction:
            yield transaction

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all statements in the block read the state of one moment, whatever others commit meanwhile; an inner block joins the outer.

        RuntimeError for a statement that writes, and within a transaction.
        """
        unit = self._local.unit
        if unit is None:
            with self._running(Transaction(), UnitOfWork(durable=False, is_snapshot=True)):
                yield
        elif unit.is_snapshot:
            yield
        else:
            raise RuntimeError(
                "a transaction may see more with each statement; to read a snapshot, take it before the transaction"
            )

    @contextmanager
    def _running(self, transaction: Transaction, unit: UnitOfWork) -> Iterator[Transaction]:
        try:
            with self._unit_of_work(unit):
                self._local.transaction = transaction
                try:
                    yield transaction
                    self._finish(transaction)
                finally:
                    self._local.transaction = None
        except Unconfirmed as error:
            error.transaction = transaction
            raise
        except BaseException:
            transaction.end(committed=False)
            raise
        transaction.end(committed=True)

    def _finish(self, transaction: Transaction) -> None:
        if transaction.failed:
            raise RuntimeError("a part of this transaction failed and its error was swallowed; nothing was written")
        if self.before_commit is not None:
            self.before_commit(transaction)

    @abstractmethod
    def _unit_of_work(self, unit: UnitOfWork) -> AbstractContextManager[None]:
        """Run the block in a database transaction; after a successful end a durable one is on disk."""

    def connected(self) -> AbstractContextManager[None]:
        """Hold a connection for one request or one unit of a worker's work; a nested block uses the outer block's connection."""
        return Connected(self)

    def release(self) -> None:
        """Release this thread's connection for other threads."""
        self.close()  # type: ignore[attr-defined]

    def dispose(self) -> None:
        """Drop every connection without closing it; a forked child does this, because they belong to its parent."""
        self._inherited += [self._local, self._state.conn]  # type: ignore[attr-defined]
        self._local = ThreadState()
        self._state.reset()  # type: ignore[attr-defined]
