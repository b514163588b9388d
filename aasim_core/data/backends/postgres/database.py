"""PostgreSQL: pooled connections, with row-level security as a second barrier behind the tenant scope."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import peewee

from ....context import scope_or_nothing
from ...faults import READ_ONLY, Unconfirmed, sqlstate_of
from ...persistence import persist
from ...statements import Result, Statement
from ...transactions import Conflict, UnitOfWork
from ..scoped_database import ScopedDatabase
from .batch_statement import tell_returned, together
from .pool import Pool, answers, has_news, is_lost

# libpq's timeouts: give up on a server that does not answer, rather than wait for the kernel's two hours.
_NETWORK = {"tcp_user_timeout": 10_000, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_BEGIN, _BEGIN_UNSYNCED = "BEGIN", "BEGIN; SET LOCAL synchronous_commit = off"
_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_DIVISION_BY_ZERO = "22012"  # SQLSTATE by which a batch statement reports that a row is not as expected
_LOCK, _TRY_LOCK = (
    Statement(f"SELECT {function}(hashtextextended(%s, 0))", (), crosses=False, gives_rows=True)
    for function in ("pg_advisory_xact_lock", "pg_try_advisory_xact_lock")
)
_NO_SETTINGS: Mapping[str, str] = {}
#: A claim takes the first job of an index. With row-level security PostgreSQL underestimates the rows, and would sort all ready jobs.
_FOR_CLAIMS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_sort": "off",
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
    "synchronous_commit": "off",
}
# Typed as Any, because peewee's stubs omit what the class below builds on.
_PeeweePostgres: Any = peewee.PostgresqlDatabase
#: How long a transaction may do nothing, in milliseconds; a worker that continues later writes over a fresh connection.
_LONGEST_IDLE_MS = "60000"


class PostgresDatabase(ScopedDatabase, _PeeweePostgres):
    """PostgreSQL through psycopg 3; each connection assumes the application's role, which owns no table.

    The organization in scope is the connection setting ``app.org``. It is sent only when it changes, so consecutive requests of one
    organization cost no extra round trip.
    """

    time_query = """SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""

    def __init__(
        self,
        url: str,
        *,
        role: str | None,
        connections: int = 20,
        wait_seconds: float = 2,
        statement_seconds: float = 30,
        settings: Mapping[str, str] = _NO_SETTINGS,
    ) -> None:
        self._prepare()
        self._pool_size, self._wait_seconds = connections, wait_seconds
        self._beside = partial(PostgresDatabase, url, role=role, wait_seconds=wait_seconds, statement_seconds=statement_seconds)
        self._for_claims: PostgresDatabase | None = None
        self.role, self.timeout_ms = role, str(int(statement_seconds * 1000))
        # JIT compilation takes seconds where a plan's cost is overestimated, and requests are short.
        # What a process locked that stands still in a transaction is free again after a while.
        limits = {"statement_timeout": self.timeout_ms, "idle_in_transaction_session_timeout": _LONGEST_IDLE_MS}
        limits |= {"client_min_messages": "warning", "jit": "off", "app.org": ""}
        self._settings = {**limits, **settings, **({"role": role} if role else {})}
        super().__init__(url, prefer_psycopg3=True, autoconnect=False, connect_timeout=max(2, round(wait_seconds)), **_NETWORK)
        self._lock = nullcontext()  # peewee's lock protects state that is per thread here, and it would be held while connecting
        self._pool = Pool(connections, wait_seconds)

    def for_claims(self) -> "PostgresDatabase":
        """A separate connection for statements that a worker repeats over the jobs of all organizations.

        It stays in one scope and keeps its plans, since planning a claim takes four times as long as running it. Its commits do not wait
        for the disk: a claim lost in a power failure leaves the job in the queue.
        """
        if self._for_claims is None:
            self._for_claims = self._beside(connections=1, settings=_FOR_CLAIMS)
            self._for_claims.tenant_tables = self.tenant_tables
        return self._for_claims

    def dispose(self) -> None:
        """Drop every connection without closing it; a forked child does this, because they belong to its parent."""
        super().dispose()
        if self._for_claims is not None:
            self._for_claims.dispose()
        self._inherited.append(self._pool)
        self._pool = Pool(self._pool_size, self._wait_seconds)

    def close_all(self) -> None:
        """Close this thread's connection and the idle ones; another thread's is closed when it is returned."""
        self.close()
        self._pool.close()
        if self._for_claims is not None:
            self._for_claims.close_all()

    def _connect(self) -> Any:
        connection = persist(lambda: self._pool.take(self.open_one))
        self._local.is_held = True
        return connection

    def close(self) -> Any:
        """Return this thread's connection to the pool; its later use is an error."""
        self._local.is_held, self._local.unit = False, None
        return super().close()

    def _reopen(self) -> None:
        if not self._local.is_held:
            super()._reopen()
        self.connect()

    def _has_reconnected(self, only_reads: bool) -> bool:
        connection, unit = self._state.conn, self._local.unit
        can_repeat = only_reads if unit is None else not unit.begun
        if not can_repeat or connection is None or not is_lost(connection):
            return False
        self._drop()
        self._reopen()
        return True

    def _drop(self) -> None:
        """Close a lost connection; the next statement opens a new one."""
        super().close()

    def _replace_lost(self) -> None:
        """Replace a connection that the server has closed, before sending a statement whose execution could not be determined."""
        connection = self._state.conn
        if connection is not None and has_news(connection) and not answers(connection):
            self._drop()

    def _close(self, conn: Any) -> None:
        self._pool.give_back(conn)

    def open_one(self) -> Any:
        """Open a connection outside the pool; the caller closes it."""
        from .prepared_statements import PreparedStatements

        connection = super()._connect()
        try:
            self._settle(connection)
        except BaseException:
            connection.close()
            raise
        connection.aasim_scope, connection.aasim_statements = "", PreparedStatements(connection)
        connection.aasim_only_reads = False
        return connection

    def _settle(self, connection: Any) -> None:
        """Apply the settings to the session rather than in the startup packet, which poolers reject."""
        calls = ", ".join("set_config(%s, %s, false)" for _ in self._settings)
        connection.execute(f"SELECT {calls}", [text for pair in self._settings.items() for text in pair])

    def _result_of(self, connection: Any, statement: Statement, parameters: Any) -> Result:
        run = connection.aasim_statements.run_once if statement.plans_each_time else connection.aasim_statements.run
        result: Result = run(statement.sql, parameters)
        return result

    def _enter_scope(self, scope: str) -> None:
        connection = self._state.conn
        if connection is not None and connection.aasim_scope != scope:
            connection.aasim_scope = None  # unknown if the next line fails
            self._execute_cursor("SELECT set_config('app.org', %s, false)", (scope,))
            connection.aasim_scope = scope

    def run_alone(self, statement: Statement, parameters: Any, *, durable: bool = True) -> Result:
        """See `ScopedDatabase.run_alone`; the statement is its own transaction, as durable as its connection."""
        return self.run_compiled(statement, parameters)

    @contextmanager
    def _unit_of_work(self, unit: UnitOfWork) -> Iterator[None]:
        self._own_connection()
        self._local.unit = unit
        try:
            yield
            self._commit(unit)
        except BaseException:
            self._abandon(unit)
            raise
        finally:
            self._local.unit = None

    def _commit(self, unit: UnitOfWork) -> None:
        """Commit; if only deferred writes exist, they form a transaction of their own."""
        if unit.begun and unit.waiting:
            self._send(unit)
        try:
            if unit.begun:
                self.commit()
            elif unit.waiting:
                self._replace_lost()
                self._send(unit)
        except peewee.PeeweeException as error:
            self._fail(error, is_commit=True)
            raise

    def _fail(self, error: Exception, *, is_commit: bool) -> None:
        super()._fail(error, is_commit=is_commit)
        if (connection := self._state.conn) is None:
            return
        connection.aasim_only_reads |= sqlstate_of(error) == READ_ONLY
        if is_commit and is_lost(connection):
            raise Unconfirmed("the connection was lost during a commit") from error

    def _abandon(self, unit: UnitOfWork) -> None:
        """Roll back the transaction, and with it the scope if that was set inside it."""
        if not unit.begun:
            return
        try:
            self.rollback()
            self._state.conn.aasim_scope = None
        except peewee.PeeweeException:
            self._drop()

    def _make_ready(self, *, only_reads: bool) -> None:
        if self._state.conn is None:
            self._reopen()
        super()._make_ready(only_reads=only_reads)
        self._enter_scope(scope_or_nothing())

    def _begin(self, unit: UnitOfWork) -> None:
        if not unit.begun:
            unsynced = _BEGIN_SNAPSHOT if unit.is_snapshot else _BEGIN_UNSYNCED
            self._execute_cursor(_BEGIN if unit.durable else unsynced, None)
            unit.begun = True  # not earlier: if it failed, no later statement may run without it

    def _write(self, unit: UnitOfWork) -> None:
        self._begin(unit)
        if unit.waiting:
            self._send(unit)

    def _send(self, unit: UnitOfWork) -> None:
        scope, writes = unit.take()
        is_durable = unit.durable or unit.begun
        self._enter_scope(scope)
        shape = is_durable, *((write.statement.sql, write.expects_one) for write in writes)
        one = self._statements.get(shape) or self._statements.keep(shape, together(writes, durable=is_durable))
        try:
            result = self._execute(self._own_connection(), one, [value for write in writes for value in write.parameters])
        except peewee.PeeweeException as error:
            self.fail_transaction()
            if getattr(error.__context__, "sqlstate", None) == _DIVISION_BY_ZERO:
                raise Conflict from None
            raise
        tell_returned(writes, result.fetchone(), durable=is_durable)

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """See `ScopedDatabase.limited`."""
        self._limit(str(round(seconds * 1000)))
        try:
            yield
        finally:
            self._limit(self.timeout_ms)

    def _limit(self, milliseconds: str) -> None:
        self.execute_sql("SELECT set_config('statement_timeout', %s, false)", (milliseconds,))

    def lock(self, name: str) -> None:
        """See `ScopedDatabase.lock`; later statements see what previous holders committed (READ COMMITTED)."""
        super().lock(name)
        self.run_compiled(_LOCK, (name,))

    def try_lock(self, name: str) -> bool:
        """See `ScopedDatabase.try_lock`."""
        self.current_transaction()
        return bool(self.run_compiled(_TRY_LOCK, (name,)).fetchone()[0])

    def going_on(self) -> str:
        """See `ScopedDatabase.going_on`: a transaction id of its own, above that of every transaction that has written before."""
        return str(self.execute_sql("SELECT pg_current_xact_id()").fetchone()[0])

    def have_ended(self, going_on: str) -> bool:
        """See `ScopedDatabase.have_ended`: the oldest running transaction began later."""
        oldest = self.execute_sql("SELECT pg_snapshot_xmin(pg_current_snapshot())").fetchone()[0]
        return int(oldest) >= int(going_on)
