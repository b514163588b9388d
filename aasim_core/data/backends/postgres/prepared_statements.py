"""Server-side prepared statements: prepared on their second use of a connection, and run through libpq directly.

After five uses PostgreSQL may replace the custom plans of a prepared statement, made for its values, by a generic one. Of a condition that
most rows meet, or none, its cost may be estimated wrong by a factor of a thousand; so what depends on such conditions is not prepared.

psycopg's cursor adds 50 % to a short statement, mostly to wait interruptibly. A thread that waits for the database has nothing else to do.
(Ctrl-C therefore takes effect when the statement ends.)
"""

import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from psycopg import OperationalError, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus

from ...statements import Result

#: Prepared statements per connection, at some 20 KB of the server's memory each; the least recently used is dropped first.
_MOST_STATEMENTS = 250
_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_PLACEHOLDER = re.compile("%([s%])")


class PreparedStatements:
    """The prepared statements of one psycopg connection."""

    def __init__(self, connection: Any) -> None:
        connection.prepare_threshold = None  # psycopg's own cache is cleared after a rollback, which would drop these too
        self._server = connection.pgconn
        self._transformer = Transformer(connection)
        self._numbers = count()
        self._names: dict[tuple[str, tuple[int, ...] | None], bytes | None] = {}

    def run(self, sql: str, parameters: Sequence[Any]) -> Result:
        """Run a statement, with ``%s`` for each parameter, to its end; raises psycopg's errors."""
        return self._run(self._answer, sql, parameters)

    def run_once(self, sql: str, parameters: Sequence[Any]) -> Result:
        """The same with a custom plan: one for these parameters."""
        return self._run(self._planned, sql, parameters)

    def _run(self, send: Callable[..., Any], sql: str, parameters: Sequence[Any]) -> Result:
        adapted = self._transformer
        values = adapted.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        result = self._checked(send(sql, adapted.types, values, adapted.formats))
        if not result.ntuples:
            return Result([], result.command_tuples or 0)
        adapted.set_pgresult(result)
        return Result(adapted.load_rows(0, result.ntuples, tuple), result.command_tuples or 0)

    def _answer(self, sql: str, types: tuple[int, ...] | None, values: Any, formats: Any) -> Any:
        key = sql, types
        if key not in self._names:
            self._make_room()
            self._names[key] = None
            return self._planned(sql, types, values, formats)
        name = self._names.pop(key)
        self._names[key] = name = name or self._prepare(sql, types)  # now the most recently used
        return self._server.exec_prepared(name, values, formats)

    def _planned(self, sql: str, types: tuple[int, ...] | None, values: Any, formats: Any) -> Any:
        return self._server.exec_params(_numbered(sql), values, types, formats)

    def _make_room(self) -> None:
        if len(self._names) >= _MOST_STATEMENTS and (name := self._names.pop(next(iter(self._names)))):
            self._checked(self._server.exec_(b"DEALLOCATE " + name))

    def _prepare(self, sql: str, types: tuple[int, ...] | None) -> bytes:
        name = b"aasim_%d" % next(self._numbers)
        self._checked(self._server.prepare(name, _numbered(sql), types))
        return name

    def _checked(self, result: Any) -> Any:
        if result.status in _DONE:
            return result
        if self._server.status == ConnStatus.BAD:
            raise OperationalError(result.get_error_message() or "the connection was lost")
        raise errors.error_from_result(result)


def _numbered(sql: str) -> bytes:
    """Return the statement with PostgreSQL's own placeholders: ``$1``, ``$2`` …"""
    numbers = count(1)
    return _PLACEHOLDER.sub(lambda found: "%" if found[1] == "%" else f"${next(numbers)}", sql).encode()
