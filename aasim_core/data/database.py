"""What both databases have: one connection a thread, one way to write, and the tenant scope on every statement."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import peewee
import structlog

from .scope import ScopedContext, refuse_unscoped
from .statements import Result, Statement, kind_of_scope, only_reads

#: More shapes than an installation has; whoever makes them without end pays by compiling again, not with memory.
_MOST_STATEMENTS = 4096
_log = structlog.get_logger("aasim.data")


class Transaction:
    """What one unit of work collects until it commits."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.jobs: list[Any] = []
        self.after_commit: list[Callable[[], object]] = []
        self.failed = False


class ScopedDatabase:
    """A database of peewee's, mixed into one of its classes: scoped rendering, the last check, the transaction, compiled statements."""

    context_class = ScopedContext
    tenant_tables: frozenset[str] = frozenset()
    #: Whether what a page shows is read as one column, of JSON objects (see `packing`).
    packs_rows = False
    #: Called inside each transaction just before it commits; the app sets it to write events and jobs.
    before_commit: Callable[[Transaction], object] | None = None

    def _prepare(self) -> None:
        self._local = threading.local()
        self._statements: dict[Any, Statement] = {}
        self._inherited: list[Any] = []

    def get_context_options(self) -> dict[str, Any]:
        return {**super().get_context_options(), "tenant_tables": self.tenant_tables}  # type: ignore[misc]

    def execute(self, query: Any, **context_options: Any) -> Any:
        """Render and run a query of peewee's."""
        context = self.get_sql_context(**context_options)  # type: ignore[attr-defined]
        sql, parameters = context.sql(query).query()
        return self.run_rendered(sql, parameters, context.confined, reads=only_reads(sql))

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run one statement as it is written; it may name no tenant's table, but in a system scope (`ScopeViolation`)."""
        return self.run_rendered(sql, params, 0)

    def run_rendered(self, sql: str, parameters: Any, confined: int, *, reads: bool = False) -> Any:
        """Run one statement, of whose tables so many were confined to the organization in scope when it was rendered.

        One that `reads` writes nothing, and locks nothing.
        """
        refuse_unscoped(sql, confined, self.tenant_tables)
        try:
            self._make_ready(only_reads=reads)
            return super().execute_sql(sql, parameters)  # type: ignore[misc]
        except peewee.PeeweeException:
            self._note_failure()
            raise

    def run_compiled(self, statement: Statement, parameters: Any) -> Result:
        """Run one compiled statement to its end, without a cursor of peewee's: making one takes as long as a short statement."""
        try:
            self._make_ready(only_reads=statement.only_reads)
        except Exception:
            self._note_failure()
            raise
        return self._run(statement, parameters)

    def run_later(self, statement: Statement, parameters: Any) -> None:
        """Run one compiled statement that gives nothing: at once, or before the transaction's next one, or at its end.

        So what is wrong with it may be raised by a later statement, or by the commit.
        """
        self.run_compiled(statement, parameters)

    def _run(self, statement: Statement, parameters: Any) -> Result:
        started = time.perf_counter()
        try:
            result = self._result_of(statement, parameters)
        except Exception:
            self._note_failure()
            with peewee.__exception_wrapper__:  # type: ignore[attr-defined]
                raise
        if self.query_hooks:  # type: ignore[attr-defined]
            self._notify_hooks(statement.sql, parameters, started, None)  # type: ignore[attr-defined]
        return result

    def _note_failure(self) -> None:
        """After an error, PostgreSQL would answer a COMMIT with a silent rollback, and SQLite would keep the half that succeeded."""
        if transaction := getattr(self._local, "transaction", None):
            transaction.failed = True

    def _result_of(self, statement: Statement, parameters: Any) -> Result:
        """Let the driver run a statement; raises the driver's errors."""
        cursor = self._own_connection().execute(statement.sql, parameters)
        return Result(cursor.fetchall() if statement.gives_rows else (), cursor.rowcount)

    def _own_connection(self) -> Any:
        """The driver's connection that this thread has; InterfaceError when it has none."""
        if self._state.conn is None:  # type: ignore[attr-defined]
            raise peewee.InterfaceError("no connection is open; wrap the work in database.connected()")
        return self._state.conn  # type: ignore[attr-defined]

    def _make_ready(self, *, only_reads: bool) -> None:
        """Do what the next statement needs to have happened before; `only_reads` is whether it writes nothing, and locks nothing."""

    def statement(self, key: Any, build: Callable[[], Any]) -> Statement:
        """The compiled form of the query that `build` makes; `key` names its shape. It is compiled once for each kind of scope."""
        return self._remembered((key, kind_of_scope()), lambda: Statement.compile(self, build))  # type: ignore[arg-type]

    def _remembered(self, key: Any, make: Callable[[], Statement]) -> Statement:
        found = self._statements.get(key)
        if found is None:
            if len(self._statements) >= _MOST_STATEMENTS:
                self._statements.clear()
            found = self._statements[key] = make()
        return found

    def current_transaction(self) -> Transaction:
        """The transaction that this thread is in; RuntimeError outside of one."""
        transaction: Transaction | None = getattr(self._local, "transaction", None)
        if transaction is None:
            raise RuntimeError("this needs a transaction; wrap the change in database.transaction()")
        return transaction

    def lock(self, name: str) -> None:
        """Let no other transaction hold the lock `name` until the running one ends; whoever counts and then writes takes it first.

        Nothing to do on SQLite, where one transaction runs at a time.
        """
        self.current_transaction()

    def try_lock(self, name: str) -> bool:
        """Take the lock `name` as `lock` does, or return False where another transaction holds it."""
        self.lock(name)
        return True

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Run a unit of work: all of it commits, or none. An inner one joins the outer one, and fails it when it fails.

        One that is not `durable` survives the death of any process, but perhaps not the loss of power: it does not wait for the disk.
        """
        outer: Transaction | None = getattr(self._local, "transaction", None)
        if outer is not None:
            with _marking_failure(outer):
                yield outer
            return
        transaction = Transaction()
        with nullcontext() if durable else self._unsynced(), self._unit_of_work():
            self._local.transaction = transaction
            try:
                yield transaction
                self._finish(transaction)
            finally:
                self._local.transaction = None
        if durable:
            self._settle()
        for action in transaction.after_commit:
            _run_apart(action)

    def _finish(self, transaction: Transaction) -> None:
        if transaction.failed:
            raise RuntimeError("a part of this transaction failed and its error was swallowed; nothing was written")
        if self.before_commit is not None:
            self.before_commit(transaction)

    def _unsynced(self) -> AbstractContextManager[None]:
        """Let the transaction that begins inside commit without waiting for the disk."""
        return nullcontext()

    def _settle(self) -> None:
        """Wait for the disk, where the commit has not done so."""

    @contextmanager
    def _unit_of_work(self) -> Iterator[None]:
        """A transaction of the database around what is done inside."""
        self.begin()  # type: ignore[attr-defined]
        try:
            yield
            self.commit()  # type: ignore[attr-defined]
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        try:
            self.rollback()  # type: ignore[attr-defined]
        except peewee.PeeweeException:
            self.close()  # type: ignore[attr-defined]

    def connected(self) -> AbstractContextManager[None]:
        """Hold a connection for one request or one turn of a worker; inside another such block, the connection of that."""
        return _Connected(self)

    def release(self) -> None:
        """What was connected is over."""
        self.close()  # type: ignore[attr-defined]

    def dispose(self) -> None:
        """Forget every connection without closing it; a forked child does this, since they are its parent's."""
        self._inherited += [self._local, self._state.conn]  # type: ignore[attr-defined]
        self._local = threading.local()
        self._state.reset()  # type: ignore[attr-defined]


class _Connected(AbstractContextManager[None]):
    """A class, since a generator takes longer, and each request enters it."""

    __slots__ = ("_database", "_opened")

    def __init__(self, database: Any) -> None:
        self._database = database

    def __enter__(self) -> None:
        # Nearly always it is open; asking for that takes no lock.
        self._opened = self._database.is_closed() and self._database.connect()

    def __exit__(self, *_: object) -> None:
        if self._opened:
            self._database.release()


def _run_apart(action: Callable[[], object]) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever it is, the change is committed, and must not look as if it were not
        _log.exception("an action after a commit failed", reason=type(error).__name__)


@contextmanager
def _marking_failure(transaction: Transaction) -> Iterator[None]:
    try:
        yield
    except BaseException:
        transaction.failed = True
        raise
