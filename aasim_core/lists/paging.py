"""Lists: filters, sorting and keyset cursors, as one compiled statement per shape of the query.

A cursor holds the key (see `keyset`) of the row where a page ends, and is sealed for its organization, route, sort and filters.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from operator import or_
from typing import Any

import orjson
import peewee

from ..context import current_organization
from ..data.conditions import Condition, all_of, any_of, expressions_of, values_of
from ..data.records import database_of
from ..data.statements import Bind, in_text
from ..data.views import View
from ..errors import Refused
from ..secrets import Keyring
from . import cursors
from .keyset import key_names, ordered, position_values
from .virtual_table import Listing

#: Maximum number of rows counted for a total: counting takes as long as reading them.
MOST_COUNTED = 10_000
#: Of how many rows a page is read; what was not asked for is left out.
_SIZES = (10, 25, 50, 100)
_NONE: Mapping[str, Any] = {}
OPERATORS: Mapping[str, str] = {"ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True)
class Filter:
    """One filter of the query: field, operator (``eq`` where none was given), and the value in the database's form."""

    name: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Question:
    """The parameters of a list; `sort` are field names, the most important first, with ``-`` in front for descending."""

    route: str
    limit: int
    sort: tuple[str, ...]
    filters: Sequence[Filter] = ()
    cursor: str | None = None
    total: bool = False
    search: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of rows, whose columns are in the order of `names`. `total` is counted up to MOST_COUNTED + 1."""

    names: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    limit: int
    has_more: bool
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None = None

    def pagination(self) -> dict[str, Any]:
        """Return the envelope's paging object."""
        facts = {"limit": self.limit, "next_cursor": self.next_cursor, "prev_cursor": self.prev_cursor, "has_more": self.has_more}
        if self.total is None:
            return facts
        return {**facts, "total": min(self.total, MOST_COUNTED), "total_is_at_least": self.total > MOST_COUNTED}

    def links(self, path: str, query_string: str) -> str:
        """Return the header ``Link`` (RFC 8288) of a response to this path and query; empty for the only page."""
        kept = [pair for pair in query_string.replace(">", "%3E").split("&") if pair and not pair.startswith("cursor=")]
        cursors = (("next", self.next_cursor), ("prev", self.prev_cursor))
        return ", ".join(
            f'<{path}?{"&".join([*kept, f"cursor={cursor}"])}>; rel="{relation}"' for relation, cursor in cursors if cursor
        )


def read_page(
    model: type[Any] | View | Listing,
    names: tuple[str, ...],
    question: Question,
    conditions: Sequence[Condition],
    keyring: Keyring,
    search_fields: Sequence[str] = (),
    view_values: Mapping[str, Any] = _NONE,
) -> Page:
    """Return the requested page of `model`'s rows, with the columns `names`. Refused ``invalid_cursor`` for another list's cursor.

    `view_values` are for the binds in a view's columns that vary between requests.
    """
    asked = [_filter_condition(getattr(model, asked.name), asked) for asked in question.filters]
    if question.search:
        asked.append(_search_condition(model, search_fields, question.search))
    condition = all_of(*conditions, *asked)
    values = {**(model.binds() if isinstance(model, View) else {}), **view_values, **condition.values}
    backwards, position = _open(keyring, question)
    names_read, key = _columns(names, question.sort)
    is_late = isinstance(model, View) and model.joins_late and bool(conditions)
    with model.within() if isinstance(model, View) else nullcontext():
        rows = _read(model, names_read, question, condition, values, backwards, position, is_late=is_late)
        total = _count(model, question, condition, values) if question.total else None
    more = len(rows) > question.limit
    rows = rows[: question.limit]
    if backwards:
        rows.reverse()
    has_next, has_previous = (True, more) if backwards else (more, position is not None)
    return Page(
        names=names_read,
        rows=rows,
        limit=question.limit,
        has_more=bool(rows) and has_next,
        next_cursor=_seal(keyring, question, False, [rows[-1][at] for at in key]) if rows and has_next else None,
        prev_cursor=_seal(keyring, question, True, [rows[0][at] for at in key]) if rows and has_previous else None,
        total=total,
    )


@lru_cache(maxsize=4096)
def _columns(names: tuple[str, ...], sort: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the columns to read, and which of them are the key of a row."""
    key = key_names(sort)
    names_read = tuple(dict.fromkeys((*names, *key)))
    return names_read, tuple(names_read.index(name) for name in key)


def _read(
    model: Any,
    names: tuple[str, ...],
    question: Question,
    condition: Condition,
    values: Mapping[str, Any],
    backwards: bool,
    position: Sequence[Any] | None,
    *,
    is_late: bool,
) -> list[tuple[Any, ...]]:
    database, is_uneven = database_of(model), _is_uneven(question, condition)
    most = None if is_uneven else next((size + 1 for size in _SIZES if size >= question.limit), None)
    ways = _ways_of(database, condition)
    order = question.sort, backwards, position is not None
    statement = database.statement(_page_of, model, names, order, most, condition, ways, is_late, plans_each_time=is_uneven)
    position_of_page = position_values(model, question.sort, position) if position is not None else {}
    every = {**values, **values_of(ways), **position_of_page, "limit": question.limit + 1}
    return list(statement.run(database, every).fetchall())


def _page_of(
    model: Any,
    names: tuple[str, ...],
    order: tuple[tuple[str, ...], bool, bool],
    most: int | None,
    where: Condition,
    ways: Sequence[Condition],
    is_late: bool,
) -> Any:
    """The query of a page; `order` is the sort, whether it is read backwards, and whether it begins after a position.

    `most` is the number of rows where the plan is kept: PostgreSQL makes a good one only where it knows the limit. Few sizes, so that there
    are few statements.
    """
    sort, backwards, after = order

    def page(query: Any) -> Any:
        query = ordered(query, model, sort, backwards=backwards, after=after)
        return query.limit(Bind("limit") if most is None else in_text(most))

    columns = [getattr(model, name) for name in names]
    if is_late:
        found = model.select(*columns).where(model.id.in_(page(model.select_where(where.with_binds(), model.id))))
        return ordered(found, model, sort, backwards=backwards, after=False)
    if ways:
        return page(model.select(*columns).where(_is_in_one(model, ways, page)))
    return page(model.select(*columns).where(where.with_binds()))


def _ways_of(database: Any, condition: Condition) -> Sequence[Condition]:
    """The ways in to search one by one; none for a single one, nor on PostgreSQL, which has row estimates for a value."""
    return () if database.for_update or len(condition.ways) < 2 else tuple(condition.ways)


def _is_in_one(model: Any, ways: Sequence[Condition], limited: Callable[[Any], Any]) -> Any:
    """Whether a row is among the first of one of the ways."""
    each = expressions_of(ways, {name: Bind(name) for name in values_of(ways)})
    return model.id.in_(_of_all([limited(model.select(model.id).where(way)) for way in each]))


def _of_all(pages: Sequence[Any]) -> Any:
    """The ids of all of them; each is a query of its own, since SQLite takes no LIMIT in a part of a UNION."""
    first, *others = [page.select_from(peewee.SQL("id")) for page in pages]
    return reduce(lambda one, other: one.union_all(other), others, first)


def _is_uneven(question: Question, condition: Condition) -> bool:
    """Whether the number of rows varies so much with the values that these decide which index is best."""
    return bool(question.filters or question.search or condition.uneven)


def _count(model: Any, question: Question, condition: Condition, values: Mapping[str, Any]) -> int:
    database = database_of(model)
    ways, is_uneven = _ways_of(database, condition), _is_uneven(question, condition)
    statement = database.statement(_total_of, model, condition, ways, plans_each_time=is_uneven)
    return int(statement.run(database, {**values, **values_of(ways)}).fetchone()[0])


def _total_of(model: Any, where: Condition, ways: Sequence[Condition]) -> Any:
    def limited(query: Any) -> Any:
        return query.limit(in_text(MOST_COUNTED + 1))

    found = _is_in_one(model, ways, limited) if ways else where.with_binds()
    # Rows, and not ids: so an index that has no ids can answer by itself.
    return limited(_selected(model, found, peewee.SQL("1"))).select_from(peewee.fn.COUNT(peewee.SQL("*")))


def _selected(model: Any, where: Any, column: Any) -> Any:
    return model.select_where(where, column) if isinstance(model, View) else model.select(column).where(where)


def _filter_condition(column: Any, asked: Filter) -> Condition:
    if asked.operator == "is_null":
        return Condition(partial(_is_null, column, asked.value))
    if asked.operator == "in":
        return Condition(partial(_is_in, column), **{f"value{n}": value for n, value in enumerate(asked.value)})
    if asked.operator == "contains":
        return Condition(partial(_contains, column), pattern=_pattern(asked.value))
    if asked.operator == "prefix":
        # Of names in lower case only; so the database's own statistics say how many there are.
        return Condition(partial(_is_like, column), pattern=_pattern(asked.value)[1:])
    if asked.operator == "entry":
        return Condition(partial(_has_entry, column), **{f"value{n}": value for n, value in enumerate(asked.value)})
    return Condition(partial(_compare, column, OPERATORS.get(asked.operator, "=")), value=asked.value)


def _has_entry(column: Any, **spellings: Any) -> Any:
    """Return whether the JSON text has one of the spellings."""
    # Without one of them the text is another one. Both databases have REPLACE, and it takes upper and lower case as different.
    found = [peewee.Expression(peewee.fn.REPLACE(column, spelling, ""), "<>", column) for spelling in spellings.values()]
    return reduce(or_, found)


def _search_condition(model: Any, search_fields: Sequence[str], text: str) -> Condition:
    pattern = _pattern(text)
    return any_of(*[Condition(partial(_contains, getattr(model, name)), pattern=pattern) for name in search_fields])


def _is_null(column: Any, wanted: bool) -> Any:
    # For IS NOT NULL, SQLite would search a range of an index, which may have nearly all rows, and in another order.
    return column.is_null() if wanted else ~column.is_null()


def _is_in(column: Any, **values: Any) -> Any:
    return column.in_(list(values.values()))


def _compare(column: Any, operator: str, value: Any) -> Any:
    return peewee.Expression(column, operator, value)


def _contains(column: Any, pattern: Any) -> Any:
    return _is_like(peewee.fn.LOWER(column), pattern)


def _is_like(text: Any, pattern: Any) -> Any:
    return peewee.NodeList((text, peewee.SQL("LIKE"), pattern, peewee.SQL("ESCAPE '!'")))


def _pattern(text: str) -> str:
    escaped = text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _bound_to(question: Question) -> bytes:
    """Return what a cursor is bound to; any change invalidates it."""
    filters = [[f.name, f.operator, f.value] for f in question.filters]
    return orjson.dumps([current_organization(), question.route, question.sort, filters, question.search])


def _seal(keyring: Keyring, question: Question, backwards: bool, key: Sequence[Any]) -> str:
    return cursors.seal(keyring, _bound_to(question), [backwards, *key])


def _open(keyring: Keyring, question: Question) -> tuple[bool, Sequence[Any] | None]:
    if question.cursor is None:
        return False, None
    found = cursors.opened(keyring, _bound_to(question), question.cursor)
    if found is None:
        message = "The cursor is not of this list; start again without it, and keep sort and filters while paging."
        raise Refused("invalid_cursor", message, field="cursor")
    backwards, *key = found
    return backwards, key
