"""Columns that SQLite gives as one: a JSON object that goes into the answer as it is."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from peewee import SQL, Case, fn

#: Columns by the names that answers have, or objects of columns.
Fields = Mapping[str, Any]
#: SQLite takes a hundred arguments of a function, and each name is one too.
MOST_COLUMNS = 50


class Packed:
    """Stands among the columns that `read_page` reads for those that nobody looks at before they are shown.

    Python's sqlite3 gives the interpreter's lock away for each value that it fetches, 600 times for a page of agents, and where many
    threads answer at once, each time one of them may take it. Of the columns in `fields`, `texts` hold JSON and `flags` are 0 or 1.
    Those that make the same object are equal, for they name compiled statements.
    """

    def __init__(self, fields: Fields, texts: Collection[str], flags: Collection[str]) -> None:
        self._fields, self._texts, self._flags = fields, frozenset(texts), frozenset(flags)
        self.names = tuple(_columns(fields))
        self._key = repr((fields, sorted(texts), sorted(flags)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def column(self, model: Any) -> Any:
        """The expression that makes the object from the columns of `model`."""
        return self._object(model, self._fields)

    def _object(self, model: Any, fields: Fields) -> Any:
        pairs = ((SQL(f"'{name}'"), self._value(model, field)) for name, field in fields.items())
        return fn.json_object(*(part for pair in pairs for part in pair))

    def _value(self, model: Any, field: Any) -> Any:
        if not isinstance(field, str):
            return self._object(model, field)
        column = getattr(model, field)
        if field in self._flags:
            column = Case(column, ((SQL("1"), SQL("'true'")), (SQL("0"), SQL("'false'"))))
        return fn.json(column) if field in self._texts | self._flags else column


def _columns(fields: Fields) -> Iterator[str]:
    for field in fields.values():
        yield from (field,) if isinstance(field, str) else _columns(field)
