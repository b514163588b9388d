"""Columns that SQLite gives as one: a JSON object that goes into the answer as it is."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from peewee import SQL, Case, fn

#: Columns by the names that answers have, or objects of columns.
Fields = Mapping[str, Any]
#: SQLite takes a hundred arguments of a function, and each name is one too.
MOST_COLUMNS = 50

#: Above this ratio of other columns to those that hold JSON, `json_object` is quicker than `printf`.
_PLAIN_FOR_EACH_JSON = 3
_TRUTH = ((SQL("1"), SQL("'true'")), (SQL("0"), SQL("'false'")))
#: By what makes them: each is there once, and so is compared by identity.
_PACKED: dict[str, "Packed"] = {}


class Packed:
    """Stands among the columns that `read_page` reads for those that nobody looks at before they are shown.

    Python's sqlite3 gives the interpreter's lock away for each value that it fetches, 600 times for a page of agents, and where many
    threads answer at once, each time one of them may take it. Of the columns in `fields`, `texts` hold JSON and `flags` are 0 or 1.
    """

    def __init__(self, fields: Fields, texts: Collection[str], flags: Collection[str]) -> None:
        self._fields, self._texts, self._flags = fields, frozenset(texts), frozenset(flags)
        self.names = tuple(_columns(fields))

    def column(self, model: Any) -> Any:
        """The expression that makes the object from the columns of `model`.

        `json_object` quotes a text in a third of the time that `json_quote` takes, but reads anew each column that is JSON already.
        """
        if _PLAIN_FOR_EACH_JSON * len(self._texts) < len(self.names) - len(self._texts):
            return self._object(model, self._fields)
        return fn.printf(SQL(f"'{_template(self._fields)}'"), *(self._text(model, name) for name in self.names))

    def _text(self, model: Any, name: str) -> Any:
        column = getattr(model, name)
        if name in self._texts:
            return fn.ifnull(column, SQL("'null'"))
        return Case(column, _TRUTH, SQL("'null'")) if name in self._flags else fn.json_quote(column)

    def _object(self, model: Any, fields: Fields) -> Any:
        pairs = ((SQL(f"'{name}'"), self._value(model, field)) for name, field in fields.items())
        return fn.json_object(*(part for pair in pairs for part in pair))

    def _value(self, model: Any, field: Any) -> Any:
        if not isinstance(field, str):
            return self._object(model, field)
        column = getattr(model, field)
        if field in self._flags:
            column = Case(column, _TRUTH)
        return fn.json(column) if field in self._texts | self._flags else column


def packed(fields: Fields, texts: Collection[str], flags: Collection[str]) -> Packed:
    """The columns as one; what makes the same object is the same, for it names compiled statements."""
    return _PACKED.setdefault(repr((fields, sorted(texts), sorted(flags))), Packed(fields, texts, flags))


def _template(fields: Fields) -> str:
    """The object as JSON, with ``%s`` for each column."""
    members = (f'"{name}":{"%s" if isinstance(field, str) else _template(field)}' for name, field in fields.items())
    return f"{{{','.join(members)}}}"


def _columns(fields: Fields) -> Iterator[str]:
    for field in fields.values():
        yield from (field,) if isinstance(field, str) else _columns(field)
