"""What both databases have: one connection a thread, one way to write, and the tenant scope on every statement."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import peewee
import structlog

from .foresight import Reading
from .scope import ScopedContext, refuse_unscoped, scope_or_nothing
from .statements import Result, Statement, kind_of_scope, only_reads
from .unit_of_work import Mistaken, Transaction, UnitOfWork, Write

#: More shapes than an installation has; whoever makes them without end pays by compiling again, not with memory.
_MOST_STATEMENTS = 4096
_T = TypeVar("_T")
_log = structlog.get_logger("aasim.data")


class ScopedDatabase(ABC):
    """A database of peewee's, mixed into one of its classes: scoped rendering, the last check, the transaction, compiled statements."""

    context_class = ScopedContext
    tenant_tables: frozenset[str] = frozenset()
    #: Whether what a page shows is read as one column, of JSON objects (see `packing`).
    packs_rows = False
    #: Whether a statement takes a round trip, so that it is worth to `foresee` what will be read.
    makes_round_trips = False
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
            self.fail_transaction()
            raise

    def run_compiled(self, statement: Statement, parameters: Any) -> Result:
        """Run one compiled statement to its end, without a cursor of peewee's: making one takes as long as a short statement."""
        try:
            self._make_ready(only_reads=statement.only_reads)
            return self._execute(self._own_connection(), statement, parameters)
        except Exception:
            self.fail_transaction()
            raise

    def foresee(self, ask: Callable[[], Reading]) -> None:  # noqa: B027 - where there are no round trips to save
        """Say what this thread will read soon, in the organization that is in scope by then (see `foresight`)."""

    def run_later(
        self, statement: Statement, parameters: Any, *, expects_one: bool = False, tell: Callable[[Any], object] | None = None
    ) -> None:
        """Run one compiled statement that gives nothing: before the transaction's next one, or at its end; outside of one at once.

        So what is wrong with it may be raised by a later statement, or by the commit.
        """
        unit, write = self._unit, Write(statement, parameters, expects_one, tell)
        if unit is None:
            self.run_compiled(statement, parameters)
            return
        scope = scope_or_nothing()
        if not unit.has_room(scope, write):
            self._write(unit)
        unit.put(scope, write)

    def change_one(self, statement: Statement, parameters: Any, tell: Callable[[Any], object] | None = None) -> bool:
        """Run one compiled statement that changes one row at most; whether it did, which an optimistic transaction takes for granted.

        `tell` is called with what the statement returns of the row, when it has run.
        """
        if (transaction := self._transaction) is not None and transaction.optimistic:
            self.run_later(statement, parameters, expects_one=True, tell=tell)
            return True
        result = self.run_alone(statement, parameters)
        if tell is not None and result.rowcount:
            tell(result.fetchone())
        return bool(result.rowcount)

    def on_mistake(self, action: Callable[[], object]) -> None:
        """Call `action` if the running transaction is an optimistic one, and was mistaken."""
        if (transaction := self._transaction) is not None and transaction.optimistic:
            transaction.on_mistake.append(action)

    @abstractmethod
    def run_alone(self, statement: Statement, parameters: Any, *, durable: bool = True) -> Result:
        """Run one compiled statement as a unit of work by itself, or within the running transaction; `durable` as in `transaction`."""

    @abstractmethod
    def _write(self, unit: UnitOfWork) -> None:
        """Begin, where that was not done, and write what waits."""

    @property
    def _unit(self) -> UnitOfWork | None:
        """What the database has not heard yet of the transaction that this thread is in."""
        unit: UnitOfWork | None = getattr(self._local, "unit", None)
        return unit

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
        """What the driver gives for a statement; raises the driver's errors."""

    def fail_transaction(self) -> None:
        """Let the running transaction fail by its end, whoever swallows the error.

        PostgreSQL would answer its COMMIT with a silent rollback, and SQLite would keep the half that succeeded.
        """
        if (transaction := self._transaction) is not None:
            transaction.failed = True

    def _own_connection(self) -> Any:
        """The driver's connection that this thread has; InterfaceError when it has none."""
        if self._state.conn is None:  # type: ignore[attr-defined]
            raise peewee.InterfaceError("no connection is open; wrap the work in database.connected()")
        return self._state.conn  # type: ignore[attr-defined]

    def _make_ready(self, *, only_reads: bool) -> None:
        """Write what waits, and begin for a statement that writes or locks; `only_reads` is whether the next one does neither."""
        unit: UnitOfWork | None = getattr(self._local, "unit", None)
        if unit is not None and (unit.waiting or not only_reads):
            self._write(unit)

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
        transaction = self._transaction
        if transaction is None:
            raise RuntimeError("this needs a transaction; wrap the change in database.transaction()")
        return transaction

    @property
    def _transaction(self) -> Transaction | None:
        transaction: Transaction | None = getattr(self._local, "transaction", None)
        return transaction

    def lock(self, name: str) -> None:
        """Let no other transaction hold the lock `name` until the running one ends; whoever counts and then writes takes it first."""
        self.current_transaction()

    def try_lock(self, name: str) -> bool:
        """Take the lock `name` as `lock` does, or return False where another transaction holds it."""
        self.lock(name)
        return True

    def attempt(self, work: Callable[[], _T], *, durable: bool = True) -> _T:
        """Do `work` in a transaction of its own, or in the running one; returns what it returns.

        In its own, each `change_one` counts as made until the end. Where one was not, all is undone, and `work` is called once more,
        each change made at once: so it changes nothing but rows and their records.
        """
        if self._transaction is not None:
            return work()
        transaction = Transaction(optimistic=True)
        try:
            with self._running(transaction, durable):
                return work()
        except (Mistaken, peewee.IntegrityError):  # a constraint is broken by what should not have been written, too
            for put_back in reversed(transaction.on_mistake):
                put_back()
        with self.transaction(durable=durable):
            return work()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Run a unit of work: all of it commits, or none. An inner one joins the outer one, and fails it when it fails.

        One that is not `durable` survives the death of any process, but perhaps not the loss of power: it does not wait for the disk.
        """
        with self._running(Transaction(), durable) if self._transaction is None else _joining(self._transaction) as transaction:
            yield transaction

    @contextmanager
    def _running(self, transaction: Transaction, durable: bool) -> Iterator[Transaction]:
        with self._unit_of_work(UnitOfWork(durable=durable)):
            self._local.transaction = transaction
            try:
                yield transaction
                self._finish(transaction)
            finally:
                self._local.transaction = None
        for action in transaction.after_commit:
            _run_apart(action)

    def _finish(self, transaction: Transaction) -> None:
        if transaction.failed:
            raise RuntimeError("a part of this transaction failed and its error was swallowed; nothing was written")
        if self.before_commit is not None:
            self.before_commit(transaction)

    @abstractmethod
    def _unit_of_work(self, unit: UnitOfWork) -> AbstractContextManager[None]:
        """A transaction of the database around what is done inside; when it has ended well, the disk has it, if it is durable."""

    def connected(self) -> AbstractContextManager[None]:
        """Hold a connection for one request or one turn of a worker; inside another such block, the connection of that."""
        return _Connected(self)

    def release(self) -> None:
        """What was connected is over."""
        self._give_back()

    def _give_back(self) -> None:
        self.close()  # type: ignore[attr-defined]

    @contextmanager
    def let_go(self) -> Iterator[None]:
        """Let others have this thread's connection while it waits for something else."""
        self._give_back()
        yield
        self.connect(reuse_if_open=True)  # type: ignore[attr-defined]

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
def _joining(transaction: Transaction) -> Iterator[Transaction]:
    try:
        yield transaction
    except BaseException:
        transaction.failed = True
        raise
