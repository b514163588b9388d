"""Lists: filters, sorting and keyset cursors, as one compiled statement per shape of the question.

A cursor holds the key (see `keyset`) of the row where a page ends, and is sealed for the organization, route, sort and filters it
was made for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_
from typing import Any

import orjson
import peewee

from .. import base64url
from ..context import current_organization
from ..data.listing import Listing
from ..data.packing import Packed
from ..data.records import database_of
from ..data.statements import Bind, Condition, in_text
from ..data.views import View
from ..errors import Refused
from ..secrets import Keyring
from .keyset import key_names, ordered, position_values

#: Of how many rows a page is read; what was not asked for is left out.
_SIZES = (10, 25, 50, 100)
OPERATORS: Mapping[str, str] = {"ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True)
class Filter:
    """One filter of the query: field, operator (``eq`` where none was given), and the value in the database's form."""

    name: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Question:
    """What a list was asked: `sort` are fields' names, the most important first, with ``-`` in front for descending."""

    route: str
    limit: int
    sort: tuple[str, ...]
    filters: Sequence[Filter] = ()
    cursor: str | None = None
    total: bool = False
    search: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of rows, whose columns stand in the order of `names`: texts, or `Packed`."""

    names: tuple[Any, ...]
    rows: Sequence[tuple[Any, ...]]
    limit: int
    has_more: bool
    next_cursor: str | None
    prev_cursor: str | None
    total: int | None = None

    def pagination(self) -> dict[str, Any]:
        """The envelope's part about paging."""
        facts = {"limit": self.limit, "next_cursor": self.next_cursor, "prev_cursor": self.prev_cursor, "has_more": self.has_more}
        return facts if self.total is None else {**facts, "total": self.total}

    def links(self, path: str, query_string: str) -> str:
        """The value of the header ``Link`` (RFC 8288) of an answer to this path and query; empty for the only page."""
        kept = [pair for pair in query_string.replace(">", "%3E").split("&") if pair and not pair.startswith("cursor=")]
        cursors = (("next", self.next_cursor), ("prev", self.prev_cursor))
        return ", ".join(
            f'<{path}?{"&".join([*kept, f"cursor={cursor}"])}>; rel="{relation}"' for relation, cursor in cursors if cursor
        )


def read_page(
    model: type[Any] | View | Listing,
    names: tuple[str | Packed, ...],
    question: Question,
    conditions: Sequence[Condition],
    keyring: Keyring,
    search_fields: Sequence[str] = (),
) -> Page:
    """The page of `model`'s rows that the question asks for, with the columns `names`. Refused ``invalid_cursor`` for a foreign cursor."""
    conditions = [*conditions, *map(_filter_condition(model), enumerate(question.filters))]
    if question.search:
        conditions.append(_search_condition(model, search_fields, question.search))
    backwards, position = _open(keyring, question)
    database: Any = model._meta.database
    names_read, key = _columns(names, question.sort, database.packs_rows)
    rows = _read(model, names_read, question, conditions, backwards, position)
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
        total=_count(model, question, conditions) if question.total else None,
    )


@lru_cache(maxsize=4096)
def _columns(
    names: tuple[str | Packed, ...], sort: tuple[str, ...], packs_rows: bool
) -> tuple[tuple[str | Packed, ...], tuple[int, ...]]:
    """The columns to read, and which of them are the key of a row."""
    if not packs_rows:
        names = tuple(name for one in names for name in (one.names if isinstance(one, Packed) else (one,)))
    key = key_names(sort)
    names_read = tuple(dict.fromkeys((*names, *key)))
    return names_read, tuple(names_read.index(name) for name in key)


def _read(
    model: Any,
    names: tuple[str | Packed, ...],
    question: Question,
    conditions: Sequence[Condition],
    backwards: bool,
    position: Sequence[Any] | None,
) -> list[tuple[Any, ...]]:
    most = _most_rows(question)

    def build() -> Any:
        columns = [name.column(model) if isinstance(name, Packed) else getattr(model, name) for name in names]
        query = _conditioned(model.select(*columns), conditions)
        query = ordered(query, model, question.sort, backwards=backwards, after=position is not None)
        return query.limit(Bind("limit") if most is None else in_text(most))

    shape = ("page", model, names, question.sort, backwards, position is None, most, tuple(c.shape for c in conditions))
    database = database_of(model)
    values = _values(model, conditions) | {"limit": question.limit + 1}
    if position is not None:
        values |= position_values(model, question.sort, position)
    return list(database.statement(shape, build).run(database, values).fetchall())


def _most_rows(question: Question) -> int | None:
    """How many rows to read, as a number of the statement's text; None where it is given when the statement runs.

    PostgreSQL keeps a plan only where it knows the limit, or else it plans each time, which takes longer than the page. With filters it
    shall plan each time: how many rows there are of a value decides which index is best. Few sizes, so that there are few statements.
    """
    if question.filters or question.search:
        return None
    return next((size + 1 for size in _SIZES if size >= question.limit), None)


def _count(model: Any, question: Question, conditions: Sequence[Condition]) -> int:
    database = database_of(model)
    statement = database.statement(
        ("count", model, tuple(c.shape for c in conditions)),
        # Rows, and not ids: so an index that has no ids can answer by itself.
        lambda: _conditioned(model.select(peewee.fn.COUNT(peewee.SQL("*"))), conditions),
    )
    return int(statement.run(database, _values(model, conditions)).fetchone()[0])


def _conditioned(query: Any, conditions: Sequence[Condition]) -> Any:
    for condition in conditions:
        query = query.where(condition.expression())
    return query


def _values(model: Any, conditions: Sequence[Condition]) -> dict[str, Any]:
    values = dict(model.binds()) if isinstance(model, View) else {}
    for condition in conditions:
        values |= condition.values
    return values


def _filter_condition(model: Any) -> Any:
    def condition(numbered: tuple[int, Filter]) -> Condition:
        number, asked = numbered
        column, name = getattr(model, asked.name), f"filter{number}"
        shape = (asked.name, asked.operator, number)
        if asked.operator == "is_null":
            return Condition(lambda: column.is_null(asked.value), {}, (*shape, asked.value))
        if asked.operator == "in":
            names = [f"{name}_{n}" for n in range(len(asked.value))]
            values = dict(zip(names, asked.value, strict=True))
            return Condition(lambda: column.in_([Bind(n) for n in names]), values, (*shape, len(names)))
        if asked.operator == "contains":
            return Condition(lambda: _like(column, name), {name: _pattern(asked.value)}, shape)
        if asked.operator == "prefix":
            # Of names in lower case only; so the database's own statistics say how many there are.
            return Condition(lambda: _is_like(column, name), {name: _pattern(asked.value)[1:]}, shape)
        operator = OPERATORS.get(asked.operator, "=")
        return Condition(lambda: peewee.Expression(column, operator, Bind(name)), {name: asked.value}, shape)

    return condition


def _search_condition(model: Any, search_fields: Sequence[str], text: str) -> Condition:
    def matches() -> Any:
        return reduce(or_, [_like(getattr(model, name), "search") for name in search_fields])

    return Condition(matches, {"search": _pattern(text.lower())}, ("search", tuple(search_fields)))


def _like(column: Any, name: str) -> Any:
    return _is_like(peewee.fn.LOWER(column), name)


def _is_like(text: Any, name: str) -> Any:
    return peewee.NodeList((text, peewee.SQL("LIKE"), Bind(name), peewee.SQL("ESCAPE '!'")))


def _pattern(text: str) -> str:
    escaped = text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _bound_to(question: Question) -> bytes:
    """What a cursor is good for; anything else changed makes it invalid."""
    filters = [[f.name, f.operator, f.value] for f in question.filters]
    return orjson.dumps([current_organization(), question.route, question.sort, filters, question.search])


def _seal(keyring: Keyring, question: Question, backwards: bool, key: Sequence[Any]) -> str:
    content = orjson.dumps([backwards, *key])
    tag = keyring.sign("cursor", content + b"\0" + _bound_to(question))
    return base64url.encode(tag + content)


def _open(keyring: Keyring, question: Question) -> tuple[bool, Sequence[Any] | None]:
    if question.cursor is None:
        return False, None
    try:
        sealed = base64url.decode(question.cursor)
    except ValueError:
        sealed = b""  # no seal is that short
    tag, content = sealed[:32], sealed[32:]
    if keyring.verify("cursor", content + b"\0" + _bound_to(question), tag):
        backwards, *key = orjson.loads(content)
        return backwards, key
    raise Refused(
        "invalid_cursor",
        "The cursor is not of this list; start again without it, and keep sort and filters while paging.",
        field="cursor",
    )
