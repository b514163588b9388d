"""Conditions on rows: what restricts a list, apart from the values that differ from one request to the next."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import and_, or_
from typing import Any

from peewee import SQL


class Condition:
    """A condition on rows: ``Condition(lambda me: Agent.owner_id == me, me=user_id)``.

    `expression` is called when a statement is compiled, with a bind for each of the values, by its name. Statements are compiled once
    for its code and what it closes over (see `statement_cache`), so it closes over what decides the SQL, and takes values as parameters.
    How many rows meet one that is `uneven` depends so much on the values that lists have it planned for them each time.
    `ways`, if there are any, are conditions of which each row of this one meets at least one, and no other row does; see `in_ways`.
    """

    __slots__ = ("expression", "uneven", "values", "ways")

    def __init__(self, expression: Callable[..., Any], uneven: bool = False, /, **values: Any) -> None:
        self.expression: Callable[..., Any] = expression
        self.uneven = uneven
        self.values: Mapping[str, Any] = values
        self.ways: Sequence[Condition] = ()


def in_ways(condition: Condition, ways: Sequence[Condition]) -> Condition:
    """The same condition, for each of whose `ways` an index has the rows in the order of the list.

    SQLite, which does not know how many rows these are, merges the first ones of each instead of going over those of others.
    """
    divided = Condition(condition.expression, condition.uneven, **condition.values)
    divided.ways = ways
    return divided


def equals(column: Any, value: Any) -> Condition:
    """The condition that a column, which is always the same object, has this value in the database's form."""
    return Condition(partial(_equals, column), value=value)


def all_of(*conditions: Condition) -> Condition:
    """The condition that each of these holds; of none, that nothing is asked. If one of them has ways, the others hold in each."""
    if not conditions:
        return Condition(_true)
    divided = next((condition for condition in conditions if condition.ways), None)
    others = [condition for condition in conditions if condition is not divided]
    ways = [_joined(and_, (way, *others)) for way in divided.ways] if divided else ()
    return in_ways(_joined(and_, conditions), ways)


def any_of(first: Condition, *others: Condition) -> Condition:
    """The condition that one of these holds; what never does is left out, since SQLite would look at every row for it."""
    possible = [condition for condition in (first, *others) if condition is not NOTHING]
    return _joined(or_, possible) if len(possible) > 1 else next(iter(possible), NOTHING)


def _equals(column: Any, value: Any) -> Any:
    return column == value


def _true() -> Any:
    return SQL("1 = 1")


def _false() -> Any:
    return SQL("1 = 0")


#: The condition that no row meets.
NOTHING = Condition(_false)


#: The expressions of several conditions, and the names of the values of each.
Parts = Sequence[tuple[Callable[..., Any], Sequence[str]]]


def apart(conditions: Sequence[Condition]) -> tuple[Parts, dict[str, Any]]:
    """The parts that `made_of` takes, and the values of all: each condition has them under names of its own, should two use the same."""
    parts = tuple((condition.expression, tuple(condition.values)) for condition in conditions)
    return parts, {f"{name}_{n}": value for n, condition in enumerate(conditions) for name, value in condition.values.items()}


def made_of(parts: Parts, binds: Mapping[str, Any]) -> list[Any]:
    """The conditions, each with the binds of its values."""
    return [expression(**{name: binds[f"{name}_{n}"] for name in names}) for n, (expression, names) in enumerate(parts)]


def _joined(operator: Callable[[Any, Any], Any], conditions: Sequence[Condition]) -> Condition:
    parts, values = apart(conditions)
    return Condition(partial(_join, operator, parts), any(condition.uneven for condition in conditions), **values)


def _join(operator: Callable[[Any, Any], Any], parts: Parts, **binds: Any) -> Any:
    return reduce(operator, made_of(parts, binds))
