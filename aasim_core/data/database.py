"""The database: one connection a thread, one way to write, and the tenant scope on every statement."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from ..context import EVERY_ORGANIZATION, current_scope
from .scope import ScopedContext, refuse_unscoped
from .statements import Statement


class Transaction:
    """What one unit of work collects until it commits."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.jobs: list[Any] = []
        self.after_commit: list[Callable[[], object]] = []
        self.failed = False


class _Scoped:
    """What both databases share: scoped rendering, the last check, the transaction, and compiled statements."""

    context_class = ScopedContext
    tenant_tables: frozenset[str] = frozenset()
    #: Called inside each transaction just before it commits; the app sets it to write events and jobs.
    before_commit: Callable[[Transaction], object] | None = None

    def _prepare(self) -> None:
        self._local = threading.local()
        self._statements: dict[Any, Statement] = {}

    def get_context_options(self) -> dict[str, Any]:
        return {**super().get_context_options(), "tenant_tables": self.tenant_tables}  # type: ignore[misc]

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run one statement, unless it touches a tenant's table outside the scope (`ScopeViolation`)."""
        if refuse_unscoped(sql, params, self.tenant_tables):
            self._enter_scope()
        return super().execute_sql(sql, params)  # type: ignore[misc]

    def _enter_scope(self) -> None:
        """Tell the database server which organization is in scope, where it has a second wall."""

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        yield

    def statement(self, key: Any, build: Callable[[], Any]) -> Statement:
        """The compiled form of the query that `build` makes; `key` names its shape, and it is compiled once for tenants and system."""
        full_key = (key, current_scope() == EVERY_ORGANIZATION)
        found = self._statements.get(full_key)
        if found is None:
            found = self._statements[full_key] = Statement.compile(self, build)
        return found

    def current_transaction(self) -> Transaction:
        """The transaction that this thread is in; RuntimeError outside of one."""
        transaction: Transaction | None = getattr(self._local, "transaction", None)
        if transaction is None:
            raise RuntimeError("this needs a transaction; wrap the change in database.transaction()")
        return transaction

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Run a unit of work: all of it commits, or none. An inner one joins the outer one, and its failure is the outer one's."""
        outer: Transaction | None = getattr(self._local, "transaction", None)
        if outer is not None:
            with _marking_failure(outer):
                yield outer
            return
        transaction = Transaction()
        with self._write_turn():
            self._begin_write()
            self._local.transaction = transaction
            try:
                yield transaction
                self._finish(transaction)
            except BaseException:
                self._abandon()
                raise
            finally:
                self._local.transaction = None
        for action in transaction.after_commit:
            action()

    def _finish(self, transaction: Transaction) -> None:
        if transaction.failed:
            raise RuntimeError("a part of this transaction failed and its error was swallowed; nothing was written")
        if self.before_commit is not None:
            self.before_commit(transaction)
        self.commit()  # type: ignore[attr-defined]

    def _begin_write(self) -> None:
        self.begin()  # type: ignore[attr-defined]

    def _abandon(self) -> None:
        try:
            self.rollback()  # type: ignore[attr-defined]
        except peewee.PeeweeException:
            self.close()  # type: ignore[attr-defined]

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Hold a connection for one request or one turn of a worker."""
        opened = self.connect(reuse_if_open=True)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            if opened:
                self._release()

    def _release(self) -> None:
        self.close()  # type: ignore[attr-defined]


@contextmanager
def _marking_failure(transaction: Transaction) -> Iterator[None]:
    try:
        yield
    except BaseException:
        transaction.failed = True
        raise


class SqliteDatabase(_Scoped, peewee.SqliteDatabase):
    """SQLite in WAL mode; connections stay open per thread, and writers queue at a file lock (the kernel is fair, SQLite is not)."""

    def __init__(self, path: Path, *, full_durability: bool = True, busy_seconds: float = 5) -> None:
        self._prepare()
        self._lock_path = f"{path}.lock"
        pragmas = {
            "journal_mode": "wal", "synchronous": "full" if full_durability else "normal", "foreign_keys": 1,
            "cache_size": -32_000, "temp_store": "memory",
        }
        super().__init__(
            str(path), pragmas=pragmas, lock_type="IMMEDIATE", timeout=busy_seconds, autoconnect=False, cached_statements=512,
        )

    def close_all(self) -> None:
        """Close what this thread has open; another thread's connection closes when that thread ends."""
        self.close()
        self._local = threading.local()

    def _release(self) -> None:
        pass  # a SQLite connection costs more to open than to keep

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        handle = getattr(self._local, "lock", None)
        if handle is None or handle.process != os.getpid():
            handle = self._local.lock = _LockFile(self._lock_path)
        fcntl.flock(handle.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle.descriptor, fcntl.LOCK_UN)


class _LockFile:
    """The open lock file of one thread, closed when the thread ends; a forked child must open its own, or it shares the lock."""

    def __init__(self, path: str) -> None:
        self.process = os.getpid()
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __del__(self) -> None:
        os.close(self.descriptor)
