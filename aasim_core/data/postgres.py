"""PostgreSQL: a pool, and row-level security as the second wall behind the tenant scope."""

from typing import Any

import peewee
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase

from ..context import current_scope
from .database import _Scoped


class PostgresDatabase(_Scoped, PooledPostgresqlDatabase):
    """PostgreSQL through psycopg 3; each connection takes on the application's role, which owns no table.

    The organization in scope is the connection's setting ``app.org``, sent only when it changes: a request that follows another
    one of the same organization pays no round trip for it.
    """

    def __init__(
        self, url: str, *, role: str | None, connections: int = 20, wait_seconds: float = 2, statement_seconds: float = 30,
    ) -> None:
        self._prepare()
        self._role = role
        super().__init__(
            url, max_connections=connections, timeout=wait_seconds, stale_timeout=600, prefer_psycopg3=True, autoconnect=False,
            connect_timeout=5, options=f"-c statement_timeout={int(statement_seconds * 1000)} -c client_min_messages=warning",
        )

    def _connect(self) -> Any:
        connection = super()._connect()
        if not hasattr(connection, "aasim_scope"):
            connection.aasim_scope = None
            if self._role:
                connection.execute(f'SET ROLE "{self._role}"')
        return connection

    def connect(self, reuse_if_open: bool = False) -> bool:
        """Take a connection out of the pool; raises OperationalError when none is free within the time allowed."""
        try:
            return bool(super().connect(reuse_if_open))
        except MaxConnectionsExceeded as error:
            raise peewee.OperationalError("no database connection is free") from error

    def _enter_scope(self) -> None:
        connection = self.connection()
        scope = current_scope()
        if connection.aasim_scope != scope:
            connection.execute("SELECT set_config('app.org', %s, false)", (scope,))
            connection.aasim_scope = scope

    def rollback(self) -> None:
        """Undo the transaction, which undoes the setting too if it was made inside it."""
        super().rollback()
        self.connection().aasim_scope = None
