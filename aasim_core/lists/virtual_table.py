"""Lists of values that no table holds, such as plugin declarations: paged, filtered and sorted by the database like every other list."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import peewee

if TYPE_CHECKING:
    from ..data.database import Database


class _Column(peewee.Column):
    """A column of the listing; it is never null."""

    null = False


class Listing:
    """Takes the place of a model in `read_page`: constant rows, as the database would return them (JSON as text).

    `columns` are their names, including ``id``. `rows` is called once, when a statement is compiled, so it must always return the same
    rows.
    """

    def __init__(self, database: "Database", columns: Sequence[str], rows: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        self._meta = SimpleNamespace(database=database)
        self._columns, self._rows = tuple(columns), rows
        self._table = peewee.Table("listing")

    def __getattr__(self, name: str) -> Any:
        if name not in self._columns:
            raise AttributeError(name)
        return _Column(self._table, name)

    def select(self, *columns: Any) -> Any:
        """Return a query of these columns over all rows."""
        rows = [tuple(peewee.Value(row[name], converter=False) for name in self._columns) for row in self._rows()]
        # VALUES needs a row: where there is none, one of nulls that no query finds.
        values = peewee.ValuesList(rows or [(None,) * len(self._columns)])
        query = peewee.Select((self._table,), columns).with_cte(peewee.CTE("listing", values, columns=self._columns))
        return query if rows else query.where(peewee.SQL("1 = 0"))
