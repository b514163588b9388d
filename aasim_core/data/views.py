"""Views over joined records, for lists and reads: columns under the names used in responses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import peewee

from .records import Row, database_of
from .statements import Bind


class _FirstOf(peewee.Function):
    """The first of some columns that is not null; one of them never is, so lists can sort by it like by a column."""

    null = False


def first_of(*columns: Any) -> Any:
    """Return a view column: the first of `columns` that is not null, where one of them always has a value."""
    return _FirstOf("COALESCE", columns)


class View:
    """Takes the place of a model in `read_page`: `base` and the records joined to it.

    `columns` are expressions by the name in responses, including ``id`` and all that lists sort or filter by; other names are columns of
    the base. `joins` are pairs of a record and its join condition, which at most one row of it meets; a missing row leaves its columns
    null. `binds` returns values of binds in the columns that are the same for every caller, such as the time; it is called each time. With
    `joins_late`, lists of callers who do not see all rows select a page first and join only its rows, because the database would otherwise
    join all before it sorts when it underestimates them. Such a list is sorted, filtered and searched by columns of the base.
    """

    def __init__(
        self,
        base: type[Row],
        columns: Mapping[str, Any],
        joins: Sequence[tuple[type[Row] | peewee.ModelAlias, Any]] = (),
        binds: Callable[[], Mapping[str, Any]] = dict,
        *,
        joins_late: bool = False,
        within: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._base, self._columns, self._joins = base, dict(columns), tuple(joins)
        self._meta, self.binds, self.joins_late, self.within = base._meta, binds, joins_late, within

    def __getattr__(self, name: str) -> Any:
        return self._columns[name] if name in self._columns else getattr(self._base, name)

    def select(self, *columns: Any) -> Any:
        """Return a query of these columns over all joined records."""
        query: Any = self._base.select(*columns)
        for joined, condition in self._joins:
            query = query.join_from(self._base, joined, peewee.JOIN.LEFT_OUTER, on=condition)
        return query

    def select_where(self, where: Any, *columns: Any) -> Any:
        """Return a query of the rows that meet `where`, with only the joins it needs: enough for a count.

        `columns` name nothing that is joined.
        """
        if self.joins_late:
            return self._base.select(*columns).where(where)
        asked, needed = set(_tables_in(where)), []
        for joined, condition in reversed(self._joins):
            if joined in asked or None in asked:
                needed.append((joined, condition))
                asked |= set(_tables_in(condition))
        return View(self._base, self._columns, needed[::-1]).select(*columns).where(where)

    def row(self, record_id: str, names: tuple[str, ...], **values: Any) -> dict[str, Any] | None:
        """Return the columns `names` of the row of that id, as the database has them, or None; `values` are for the other binds."""
        database = database_of(self._base)
        statement = database.statement(self._row_query, names)
        row = statement.run(database, {**self.binds(), **values, "id": record_id}).fetchone()
        return None if row is None else dict(zip(names, row, strict=True))

    def _row_query(self, names: tuple[str, ...]) -> Any:
        return self.select(*(getattr(self, name) for name in names)).where(self.id == Bind("id"))


def _tables_in(node: Any) -> Iterator[Any]:
    """Return the records and aliases whose columns the expression uses, and None for a part that may use any."""
    kind = type(node)
    if kind in _PARTS:
        for part in _PARTS[kind](node):
            yield from _tables_in(part)
    elif isinstance(node, peewee.Field):
        yield node.model
    elif isinstance(node, peewee.Node) and kind not in _WITHOUT_TABLES:
        yield None


_PARTS: Mapping[type, Callable[[Any], Sequence[Any]]] = {
    peewee.Expression: lambda node: (node.lhs, node.rhs),
    peewee.Function: lambda node: node.arguments,
    _FirstOf: lambda node: node.arguments,
    peewee.NodeList: lambda node: node.nodes,
    peewee.Negated: lambda node: (node.node,),
    tuple: lambda node: node,
    list: lambda node: node,
}
_WITHOUT_TABLES = (Bind, peewee.SQL, peewee.Value)
