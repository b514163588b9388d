"""What lists and reads look at where no single table has it all: columns of joined records under the names that answers have."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import peewee

from .records import Row, database_of
from .statements import Bind


class _FirstOf(peewee.Function):
    """The first of some columns that is not empty; one of them never is, so lists can be sorted by it as by a column."""

    null = False


def first_of(*columns: Any) -> Any:
    """A column of a view: the first of `columns` that is not empty, where one of them always has a value."""
    return _FirstOf("COALESCE", columns)


class View:
    """Stands where `read_page` takes a model: `base` with what is joined to it.

    `columns` are expressions by the name that answers have, ``id`` and whatever is sorted or filtered by among them; a name that is not
    in it is the base's own. `joins` are pairs of a record and the condition that it is joined on; what need not be there is absent, not
    the whole row. `binds` gives the values of binds in the columns that are the same for everybody, such as the time; it is asked each
    time.
    """

    def __init__(
        self,
        base: type[Row],
        columns: Mapping[str, Any],
        joins: Sequence[tuple[type[Row] | peewee.ModelAlias, Any]] = (),
        binds: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._base, self._columns, self._joins = base, dict(columns), tuple(joins)
        self._meta, self.binds = base._meta, binds

    def __getattr__(self, name: str) -> Any:
        return self._columns[name] if name in self._columns else getattr(self._base, name)

    def select(self, *columns: Any) -> Any:
        """A query of these columns over everything that is joined."""
        query: Any = self._base.select(*columns)
        for joined, condition in self._joins:
            query = query.join_from(self._base, joined, peewee.JOIN.LEFT_OUTER, on=condition)
        return query

    def row(self, record_id: str, names: tuple[str, ...], **values: Any) -> dict[str, Any] | None:
        """The columns `names` of the row of that id, as the database has them, or None; `values` are for its other binds."""
        database = database_of(self._base)

        def build() -> Any:
            return self.select(*(getattr(self, name) for name in names)).where(self.id == Bind("id"))

        row = (
            database.statement(("row of view", self, names), build)
            .run(database, {**self.binds(), **values, "id": record_id})
            .fetchone()
        )
        return None if row is None else dict(zip(names, row, strict=True))
