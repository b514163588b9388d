"""Conditions on rows: the restrictions of a list, apart from the values that vary between requests."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import and_, or_
from typing import Any

from peewee import SQL

from .statements import Bind


class Condition:
    """A condition on rows: ``Condition(lambda me: Agent.owner_id == me, me=user_id)``.

    `expression` is called when a statement is compiled, with a bind for each value, by its name. The cache key is its code and closure
    (see `statement_cache`), so it closes over what decides the SQL, and takes values as parameters. In the shape of a statement, two
    conditions are equal if they differ only in their values. An `uneven` condition matches numbers of rows that vary so much with the
    values that lists are planned for each call. `ways`, if any, are conditions that together match exactly the rows of this one; see
    `in_ways`.
    """

    __slots__ = ("expression", "uneven", "values", "ways")

    def __init__(self, expression: Callable[..., Any], uneven: bool = False, /, **values: Any) -> None:
        self.expression: Callable[..., Any] = expression
        self.uneven = uneven
        self.values: Mapping[str, Any] = values
        self.ways: Sequence[Condition] = ()

    def with_binds(self) -> Any:
        """Return the peewee expression, with a `Bind` for each value."""
        return self.expression(**{name: Bind(name) for name in self.values})

    def with_values(self) -> Any:
        """Return the peewee expression with the values in it, for a query that is not compiled."""
        return self.expression(**self.values)


def in_ways(condition: Condition, ways: Sequence[Condition]) -> Condition:
    """Return the same condition, for queries where an index yields the rows of each of its `ways` in the list's order.

    SQLite, which has no row estimates here, then merges the first rows of each way instead of scanning other rows.
    """
    divided = Condition(condition.expression, condition.uneven, **condition.values)
    divided.ways = ways
    return divided


def equals(column: Any, value: Any) -> Condition:
    """Match rows whose column, which must always be the same object, has this value in the database's form."""
    return Condition(partial(_equals, column), value=value)


def all_of(*conditions: Condition) -> Condition:
    """Match rows that meet all conditions; with none, every row. If one of them has ways, the others apply to each way."""
    if len(conditions) < 2:
        return conditions[0] if conditions else Condition(_true)
    divided = next((condition for condition in conditions if condition.ways), None)
    others = [condition for condition in conditions if condition is not divided]
    ways = [_joined(and_, (way, *others)) for way in divided.ways] if divided else ()
    return in_ways(_joined(and_, conditions), ways)


def any_of(first: Condition, *others: Condition) -> Condition:
    """Match rows that meet any condition; those that match nothing are omitted, since SQLite would scan every row for them."""
    possible = tuple([condition for condition in (first, *others) if condition is not NOTHING])
    return _joined(or_, possible) if len(possible) > 1 else next(iter(possible), NOTHING)


def _equals(column: Any, value: Any) -> Any:
    return column == value


def _true() -> Any:
    return SQL("1 = 1")


def _false() -> Any:
    return SQL("1 = 0")


#: The condition that no row meets.
NOTHING = Condition(_false)


def values_of(conditions: Sequence[Condition]) -> dict[str, Any]:
    """Return the values of all conditions, renamed so that two conditions may use the same names."""
    return {f"{name}_{n}": value for n, condition in enumerate(conditions) for name, value in condition.values.items()}


def expressions_of(conditions: Sequence[Condition], binds: Mapping[str, Any]) -> list[Any]:
    """Return the peewee expression of each condition; `binds` has its parameters, by the names that `values_of` gives them."""
    return [
        condition.expression(**{name: binds[f"{name}_{n}"] for name in condition.values})
        for n, condition in enumerate(conditions)
    ]


def _joined(operator: Callable[[Any, Any], Any], conditions: tuple[Condition, ...]) -> Condition:
    is_uneven = any(condition.uneven for condition in conditions)
    return Condition(partial(_join, operator, conditions), is_uneven, **values_of(conditions))


def _join(operator: Callable[[Any, Any], Any], conditions: Sequence[Condition], **binds: Any) -> Any:
    return reduce(operator, expressions_of(conditions, binds))
