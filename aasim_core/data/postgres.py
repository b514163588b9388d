"""PostgreSQL: pooled connections, and row-level security as the second wall behind the tenant scope."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import peewee

from .database import ScopedDatabase
from .foresight import Foresight, Reading, beside
from .pool import Pool
from .scope import scope_or_nothing
from .statements import ONE_ORGANIZATION, Result, Statement, kind_of_scope
from .together import tell_returned, together
from .unit_of_work import Mistaken, UnitOfWork

# libpq's: give up a server that does not answer, rather than wait for the kernel's two hours.
_NETWORK = {"tcp_user_timeout": 10_000, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_BEGIN, _BEGIN_UNSYNCED = "BEGIN", "BEGIN; SET LOCAL synchronous_commit = off"
_DIVISION_BY_ZERO = "22012"  # how a statement of `together` says that a row is not as expected
_NO_SETTINGS: Mapping[str, str] = {}
#: A claim takes the first job of an index. Row-level security makes PostgreSQL expect hardly any job there, so it would sort all that wait.
_FOR_CLAIMS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_sort": "off",
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
    "synchronous_commit": "off",
}
# Of any type, since peewee's stubs leave out what the class below builds on.
_PeeweePostgres: Any = peewee.PostgresqlDatabase


class PostgresDatabase(ScopedDatabase, _PeeweePostgres):
    """PostgreSQL through psycopg 3; each connection takes on the application's role, which owns no table.

    The organization in scope is the connection's setting ``app.org``, sent only when it changes: a request that follows another
    one of the same organization pays no round trip for it.
    """

    makes_round_trips = True

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
        timeout = str(int(statement_seconds * 1000))
        options = {"statement_timeout": timeout, "client_min_messages": "warning", "app.org": "", **settings}
        if role:
            options["role"] = role.replace("\\", r"\\").replace(" ", r"\ ")
        super().__init__(
            url,
            prefer_psycopg3=True,
            autoconnect=False,
            connect_timeout=max(2, round(wait_seconds)),
            options=" ".join(f"-c {name}={value}" for name, value in options.items()),
            **_NETWORK,
        )
        self._lock = nullcontext()  # what peewee guards with it is per thread here, and it would be held while connecting
        self._pool = Pool(connections, wait_seconds)

    def for_claims(self) -> "PostgresDatabase":
        """One connection beside the others, for what a worker asks again and again of all organizations' jobs.

        It stays in one scope, and keeps its plans: to plan a claim takes four times as long as to make it. It does not wait for the
        disk, for a claim that a loss of power undoes leaves the job in the queue.
        """
        if self._for_claims is None:
            self._for_claims = self._beside(connections=1, settings=_FOR_CLAIMS)
            self._for_claims.tenant_tables = self.tenant_tables
        return self._for_claims

    def dispose(self) -> None:
        """Forget every connection without closing it; a forked child does this, since they are its parent's."""
        super().dispose()
        if self._for_claims is not None:
            self._for_claims.dispose()
        self._inherited.append(self._pool)
        self._pool = Pool(self._pool_size, self._wait_seconds)

    def close_all(self) -> None:
        """Close this thread's connection and those that nobody uses; another thread's is closed when it is given back."""
        self.close()
        self._pool.close()
        if self._for_claims is not None:
            self._for_claims.close_all()

    def release(self) -> None:
        """See `ScopedDatabase.release`; what was foreseen is forgotten."""
        self._local.foresight = None
        super().release()

    def _connect(self) -> Any:
        return self._pool.take(self._open)

    def _close(self, conn: Any) -> None:
        self._local.unit = None
        self._pool.give_back(conn)

    def _open(self) -> Any:
        from .prepared import PreparedStatements

        connection = super()._connect()
        connection.aasim_scope, connection.aasim_statements = "", PreparedStatements(connection)
        return connection

    def _result_of(self, connection: Any, statement: Statement, parameters: Any) -> Result:
        result: Result = connection.aasim_statements.run(statement.sql, parameters)
        return result

    def _enter_scope(self, scope: str) -> None:
        connection = self._state.conn
        if connection is not None and connection.aasim_scope != scope:
            connection.aasim_scope = None  # unknown, should the next line fail
            self._execute_cursor("SELECT set_config('app.org', %s, false)", (scope,))
            connection.aasim_scope = scope

    def foresee(self, ask: Callable[[], Reading]) -> None:
        """See `ScopedDatabase.foresee`."""
        self._local.foresight = Foresight(ask)

    def run_compiled(self, statement: Statement, parameters: Any) -> Result:
        """See `ScopedDatabase.run_compiled`; what is foreseen is read with it, or was read before."""
        foresight: Foresight | None = getattr(self._local, "foresight", None)
        if foresight is None or not statement.only_reads or self._has_written():
            self._local.foresight = None
            return super().run_compiled(statement, parameters)
        if (known := foresight.answer(statement, parameters)) is not None:
            self._local.foresight = None
            return known
        if foresight.reading is not None or kind_of_scope() != ONE_ORGANIZATION:
            return super().run_compiled(statement, parameters)
        foresight.reading = reading = foresight.ask()
        if reading.statement.sql == statement.sql:
            return super().run_compiled(statement, parameters)
        both = self._remembered(("beside", statement.sql, reading.statement.sql), lambda: beside(statement, reading.statement))
        return foresight.divide(super().run_compiled(both, [*parameters, *reading.parameters]))

    def _has_written(self) -> bool:
        return (unit := self._unit) is not None and (unit.begun or bool(unit.waiting))

    def run_alone(self, statement: Statement, parameters: Any, *, durable: bool = True) -> Result:
        """See `ScopedDatabase.run_alone`; a statement is a transaction by itself, durable as its connection is."""
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
        """Commit; if what waits is all there is, it is a transaction by itself."""
        if unit.waiting:
            self._send(unit)
        if unit.begun:
            self.commit()

    def _abandon(self, unit: UnitOfWork) -> None:
        """Undo the transaction, which undoes the scope too if it was set inside it."""
        if not unit.begun:
            return
        try:
            self.rollback()
            self._state.conn.aasim_scope = None
        except peewee.PeeweeException:
            self.close()

    def _make_ready(self, *, only_reads: bool) -> None:
        if not only_reads:
            self._local.foresight = None  # what was read before may be as it was no longer
        super()._make_ready(only_reads=only_reads)
        self._enter_scope(scope_or_nothing())

    def _write(self, unit: UnitOfWork) -> None:
        if not unit.begun:
            self._execute_cursor(_BEGIN if unit.durable else _BEGIN_UNSYNCED, None)
            unit.begun = True  # not before: where it has failed, nothing may go on without it
        if unit.waiting:
            self._send(unit)

    def _send(self, unit: UnitOfWork) -> None:
        scope, writes = unit.take()
        is_durable = unit.durable or unit.begun
        self._enter_scope(scope)
        shape = is_durable, *((write.statement.sql, write.expects_one) for write in writes)
        one = self._remembered(shape, lambda: together(writes, durable=is_durable))
        try:
            result = self._execute(self._own_connection(), one, [value for write in writes for value in write.parameters])
        except peewee.PeeweeException as error:
            self.fail_transaction()
            if getattr(error.__context__, "sqlstate", None) == _DIVISION_BY_ZERO:
                raise Mistaken from None
            raise
        tell_returned(writes, result.fetchone(), durable=is_durable)

    def lock(self, name: str) -> None:
        """See `ScopedDatabase.lock`; a statement after it sees what the holders before committed (READ COMMITTED)."""
        super().lock(name)
        self.execute_sql("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))

    def try_lock(self, name: str) -> bool:
        """See `ScopedDatabase.try_lock`."""
        self.current_transaction()
        return bool(self.execute_sql("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (name,)).fetchone()[0])
