"""Millions of rows by SQL: of each table a pattern, and what differs from row to row as an expression of the row's number."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aasim_core.data.records import Row

from ..probe import connected

#: How many rows are written at once, and how often progress is told.
_AT_ONCE = 50_000
_SERIES = {
    True: "generate_series({first}::bigint, {last}::bigint) AS series(n)",
    False: "(WITH RECURSIVE series(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM series WHERE n < {last})"
    " SELECT n FROM series)",
}


@dataclass(frozen=True)
class Words:
    """How the database says what both of them can; each expression may use ``n``, the number of the row, from 1 on."""

    is_postgresql: bool

    def id(self, prefix: str, number: str = "n") -> str:
        """The id of that number."""
        digits = f"lpad(({number})::text, 26, '0')" if self.is_postgresql else f"printf('%026d', {number})"
        return f"'{prefix}_' || {digits}"

    def moment(self, seconds: str) -> str:
        """The time so many seconds after the beginning of 1970."""
        if self.is_postgresql:
            return f"""to_char(to_timestamp({seconds}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
        return f"strftime('%Y-%m-%dT%H:%M:%S.000Z', {seconds}, 'unixepoch')"


def cases(of: Mapping[str, str], otherwise: str = "NULL") -> str:
    """The expression of the first condition that holds."""
    return "CASE " + " ".join(f"WHEN {condition} THEN {value}" for condition, value in of.items()) + f" ELSE {otherwise} END"


class Writer:
    """Writes into the database at `url`, past every scope; `progress` is told of each table, how many rows it has, and will have."""

    def __init__(self, url: str, progress: Callable[[str, int, int], None]) -> None:
        self.words = Words(not url.startswith("sqlite:"))
        self._progress, self._connection = progress, connected(url)
        for setting in ("SET synchronous_commit = off",) if self.words.is_postgresql else ("PRAGMA synchronous = off",):
            self._connection.execute(setting)

    def write(self, model: type[Row], count: int, pattern: Mapping[str, Any], **differing: str) -> None:
        """Write `count` rows that have the pattern's values, the defaults for the rest, and what is `differing` in SQL."""
        fixed = {name: value for name, value in model(**pattern).row().items() if value is not None and name not in differing}
        fields = model._meta.fields
        columns = ", ".join(fields[name].column_name for name in (*fixed, *differing))
        mark = "%s" if self.words.is_postgresql else "?"
        chosen = ", ".join([*[mark] * len(fixed), *(self._text(sql) for sql in differing.values())])
        table = model._meta.table_name
        for first, last in _parts(count):
            series = _SERIES[self.words.is_postgresql].format(first=first, last=last)
            self._connection.execute(f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {series}", list(fixed.values()))
            self._progress(table, last, count)

    def finish(self) -> None:
        """Let the database look at what it has now, as it does by itself after a while."""
        self._connection.execute("VACUUM ANALYZE" if self.words.is_postgresql else "ANALYZE")
        self._connection.close()

    def _text(self, sql: str) -> str:
        return sql.replace("%", "%%") if self.words.is_postgresql else sql


def _parts(count: int) -> Iterator[tuple[int, int]]:
    for first in range(1, count + 1, _AT_ONCE):
        yield first, min(first + _AT_ONCE - 1, count)
