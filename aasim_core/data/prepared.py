"""Compiled statements as the server keeps them: prepared once on each connection, and then run through libpq itself.

psycopg's cursor takes half as long again for a short statement: it looks each time whether the statement is worth preparing, and how to
wait. Compiled statements are all worth it, and a thread that waits for the database has nothing else to do. (So a Ctrl-C is heard when
the statement ends.)
"""

import re
from collections.abc import Sequence
from itertools import count
from typing import Any

from psycopg import OperationalError, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus

from .statements import Result

#: So many a connection keeps; the oldest goes first.
_MOST_STATEMENTS = 500
_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
_PLACEHOLDER = re.compile("%([s%])")


class PreparedStatements:
    """Those of one connection of psycopg's."""

    def __init__(self, connection: Any) -> None:
        self._server = connection.pgconn
        self._transformer = Transformer(connection)
        self._numbers = count()
        self._names: dict[tuple[str, tuple[int, ...] | None], bytes] = {}

    def run(self, sql: str, parameters: Sequence[Any]) -> Result:
        """Run a statement, with ``%s`` for each parameter, to its end; raises psycopg's errors."""
        adapted = self._transformer
        values = adapted.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        name = self._names.get((sql, adapted.types)) or self._prepare(sql, adapted.types)
        result = self._checked(self._server.exec_prepared(name, values, adapted.formats))
        if not result.ntuples:
            return Result([], result.command_tuples or 0)
        adapted.set_pgresult(result)
        return Result(adapted.load_rows(0, result.ntuples, tuple), result.command_tuples or 0)

    def _prepare(self, sql: str, types: tuple[int, ...] | None) -> bytes:
        if len(self._names) >= _MOST_STATEMENTS:
            oldest = next(iter(self._names))
            self._checked(self._server.exec_(b"DEALLOCATE " + self._names.pop(oldest)))
        name = b"aasim_%d" % next(self._numbers)
        self._checked(self._server.prepare(name, _numbered(sql).encode(), types))
        self._names[sql, types] = name
        return name

    def _checked(self, result: Any) -> Any:
        if result.status in _DONE:
            return result
        if self._server.status == ConnStatus.BAD:
            raise OperationalError(result.get_error_message() or "the connection was lost")
        raise errors.error_from_result(result)


def _numbered(sql: str) -> str:
    """The statement with PostgreSQL's own placeholders: ``$1``, ``$2`` …"""
    numbers = count(1)
    return _PLACEHOLDER.sub(lambda found: "%" if found[1] == "%" else f"${next(numbers)}", sql)
