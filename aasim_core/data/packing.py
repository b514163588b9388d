"""Columns that SQLite gives as one: a JSON object that goes into the answer as it is."""

from collections.abc import Collection, Sequence
from typing import Any

from peewee import SQL, Case, fn

#: SQLite takes a hundred arguments of a function, and each name is one too.
MOST_COLUMNS = 50


class Packed:
    """Stands among the columns that `read_page` reads for those that nobody looks at before they are shown.

    Python's sqlite3 gives the interpreter's lock away for each value that it fetches, 600 times for a page of agents, and where many
    threads answer at once, each time one of them may take it. `texts` hold JSON, `flags` are 0 or 1. Compared by identity.
    """

    def __init__(self, names: Sequence[str], texts: Collection[str], flags: Collection[str]) -> None:
        self.names = tuple(names)
        self._texts, self._flags = frozenset(texts), frozenset(flags)

    def column(self, model: Any) -> Any:
        """The expression that makes the object from the columns of `model`."""
        return fn.json_object(
            *(part for name in self.names for part in (SQL(f"'{name}'"), self._value(name, getattr(model, name))))
        )

    def _value(self, name: str, column: Any) -> Any:
        if name in self._flags:
            column = Case(column, ((SQL("1"), SQL("'true'")), (SQL("0"), SQL("'false'"))))
        return fn.json(column) if name in self._texts | self._flags else column
