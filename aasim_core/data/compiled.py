"""Statements that are compiled once and declared next to the function that uses them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from .records import Row, database_of, row_of, to_record
from .statements import Bind, Statement


class Compiled:
    """A query that is compiled once per database and shape; created by `compiled`."""

    def __init__(self, model: type[Row], build: Callable[..., Any]) -> None:
        self._model, self._build = model, build

    def statement(self, *shape: Any) -> Statement:
        """Return the statement for these arguments of the function that builds it."""
        return database_of(self._model).statement(self._build, *shape)

    def one(self, *shape: Any, **values: Any) -> Any:
        """Return the first row, as a tuple in the database's form, or None; `values` fill the binds."""
        return self.statement(*shape).run(database_of(self._model), values).fetchone()

    def later(self, *shape: Any, **values: Any) -> None:
        """Run it before the transaction's next statement with a result, or at its end."""
        statement = self.statement(*shape)
        database_of(self._model).run_later(statement, statement.bound(values))

    def all(self, *shape: Any, **values: Any) -> Sequence[Any]:
        """Return all rows, as tuples in the database's form."""
        return self.statement(*shape).run(database_of(self._model), values).fetchall()

    def records(self, *shape: Any, **values: Any) -> list[Any]:
        """Return all rows as records, of a query that selects every field of the model: `Model.select()`."""
        return [to_record(self._model, row_of(self._model, row)) for row in self.all(*shape, **values)]

    def joined(self, *models: type[Row], **values: Any) -> Sequence[Any]:
        """Return the first row of a query that selects every field of these models as a record of each.

        None stands for a record that an outer join does not find, and for each where there is no row.
        """
        columns = iter(self.one(**values) or ())
        parts = [(model, list(islice(columns, len(model._meta.sorted_fields)))) for model in models]
        return [to_record(model, row_of(model, part)) if any(part) else None for model, part in parts]


def compiled(model: type[Row]) -> Callable[[Callable[..., Any]], Compiled]:
    """Compile a function that builds a query with `Bind` parameters once, for the database that `model` is bound to.

    ::

        @compiled(AgentVersion)
        def pinned() -> Any:
            return AgentVersion.select(AgentVersion.definition).where(AgentVersion.agent_id == Bind("agent_id"))

        row = pinned.one(agent_id=agent.id)

    Arguments of the function are the statement's shape: there is one statement for each combination of them.
    """
    return partial(Compiled, model)


def padded(values: Iterable[str]) -> list[str]:
    """Return the values in order, padded with the last one to a length of 0, 1, 2, 4, 8 …, so that few statements are compiled."""
    found = sorted(values)
    size = 1 << (len(found) - 1).bit_length() if found else 0
    return [*found, *(found[-1:] * (size - len(found)))]


def numbered(name: str, values: Iterable[str]) -> dict[str, str]:
    """Return the values under numbered names, for the binds of `one_of`, `padded`."""
    return {f"{name}{n}": value for n, value in enumerate(padded(values))}


def one_of(column: Any, name: str, size: int) -> Any:
    """Match one of the values that are `numbered` with the name; `size` is how many there are."""
    return column.in_([Bind(f"{name}{n}") for n in range(size)])
