"""What a filter of jq makes of a value, as an expression."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from .parsing.jq import GIVEN, Filter
from .parsing.shell import Untranslatable
from .tree import (
    Apply,
    Bind,
    Body,
    Choice,
    Clause,
    Collect,
    Each,
    First,
    Get,
    List,
    Literal,
    Name,
    Node,
    Object,
    Operation,
    Part,
    Text,
    When,
    parts_of,
)

_PLACEHOLDER = Name("")


@dataclass(frozen=True)
class Branch:
    """One of the values that a filter makes, with what it comes under."""

    clauses: tuple[Clause, ...]
    value: Node


@dataclass(frozen=True)
class Filters:
    """Filters of a page: `free` chooses a name that the page does not use, `variables` are those of ``--arg``."""

    free: Callable[..., str]
    variables: Mapping[str, Node]

    def bound(self, filter_: Filter, given: Node) -> list[Branch]:
        """The values that a filter makes of the given one, which gets a name if it is a response that is used more than once."""
        first = filter_.parts[0] if filter_.kind == "|" else filter_
        return self._of(Filter("|", (GIVEN, filter_)) if self._uses(first) > 1 else filter_, given)

    def _of(self, filter_: Filter, given: Node) -> list[Branch]:
        kind, parts = filter_.kind, filter_.parts
        if kind == "call":
            call: Callable[..., list[Branch]] = getattr(self, f"_call_{parts[0].lower()}", self._call)
            return call(*parts, given)
        read = getattr(self, f"_{_NAMES.get(kind, kind)}", None)
        return read(*parts, given) if read else self._product(kind, parts, given)

    def _given(self, given: Node) -> list[Branch]:
        return [Branch((), given)]

    def _value(self, value: Any, given: Node) -> list[Branch]:
        return [Branch((), Literal(value))]

    def _variable(self, name: str, given: Node) -> list[Branch]:
        return [Branch((), self.variables[name])]

    def _comma(self, left: Filter, right: Filter, given: Node) -> list[Branch]:
        return self._of(left, given) + self._of(right, given)

    def _pipe(self, left: Filter, right: Filter, given: Node) -> list[Branch]:
        named = [self._named(branch, right) for branch in self._of(left, given)]
        return [Branch(one.clauses + two.clauses, two.value) for one in named for two in self._of(right, one.value)]

    def _each(self, of: Filter, given: Node) -> list[Branch]:
        return [self._items(branch) for branch in self._of(of, given)]

    def _list(self, of: Filter | None, given: Node) -> list[Branch]:
        return [_collected(self._of(of, given) if of else [])]

    def _update(self, place: Filter, change: Filter, given: Node) -> list[Branch]:
        return self._set(place, Filter("|", (place, change)), given)

    def _set(self, place: Filter, value: Filter, given: Node) -> list[Branch]:
        if place.kind != "field" or place.parts[0] != GIVEN:
            raise Untranslatable("a change deep in a value")
        [changed] = self._of(value, given)
        return [Branch((), Object(((None, given), (Literal(place.parts[1]), changed.value))))]

    def _product(self, kind: str, parts: Sequence[Any], given: Node) -> list[Branch]:
        """What is made of values, each of which may come more than once."""
        inner = (
            [one for pair in parts for one in pair] if kind == "object" else [part for part in parts if isinstance(part, Filter)]
        )
        made = []
        for branches in product(*(self._of(one, given) for one in inner)):
            clauses = tuple(clause for branch in branches for clause in branch.clauses)
            made.append(Branch(clauses, self._made(kind, parts, [branch.value for branch in branches])))
        return made

    def _made(self, kind: str, parts: Sequence[Any], values: Sequence[Node]) -> Node:
        if kind == "//" and (found := self._first_of(values[0])):
            return First(found.value, found.clauses, values[1])
        if kind in _MADE:
            return _MADE[kind](parts, values)
        return Operation(kind, *values)

    def _first_of(self, value: Node) -> First | None:
        """The value as one of the first item of a list, if it is one: there may be none."""
        keys: list[str | int] = []
        while isinstance(value, Get) and value.key != 0:
            keys.append(value.key)
            value = value.of
        if not isinstance(value, Get):
            return value if isinstance(value, First) else None
        name = self.free(_singular(_name_of(value.of)), "item")
        item: Node = Name(name)
        for key in reversed(keys):
            item = Get(item, key)
        return First(item, (Each(name, value.of),))

    def _named(self, branch: Branch, after: Filter) -> Branch:
        """The branch, with a name for its value if that takes work and is used more than once."""
        takes_work = any(isinstance(part, Body | First | Collect) for part in parts_of(branch.value))
        if not takes_work or self._uses(after) < 2:
            return branch
        name = self.free(_name_of(branch.value), "result", "found")
        return Branch((*branch.clauses, Bind(name, branch.value)), Name(name))

    def _uses(self, filter_: Filter) -> int:
        """How often a filter uses what it is given."""
        results = self._of(filter_, _PLACEHOLDER)
        return sum(part == _PLACEHOLDER for result in results for part in parts_of((result.clauses, result.value)))

    def _items(self, branch: Branch) -> Branch:
        if isinstance(branch.value, Collect):
            return Branch(branch.clauses + branch.value.clauses, branch.value.value)
        name = self.free(_singular(_name_of(branch.value)), "item")
        return Branch((*branch.clauses, Each(name, branch.value)), Name(name))

    def _call(self, name: str, argument: Filter, given: Node) -> list[Branch]:
        if name.lower() not in _FUNCTIONS:
            raise Untranslatable(f"jq's {name}")
        others = (branch.value for one in _listed(argument) if one != GIVEN for branch in self._of(one, given))
        return [Branch((), Apply(name.lower(), (given, *others)))]

    def _call_select(self, name: str, argument: Filter, given: Node) -> list[Branch]:
        return [Branch((*branch.clauses, When(branch.value)), given) for branch in self._of(argument, given)]

    def _call_del(self, name: str, argument: Filter, given: Node) -> list[Branch]:
        removed = (Literal(one.parts[1]) for one in _listed(argument) if one.parts[0] == GIVEN)
        return [Branch((), Apply("without", (given, *removed)))]

    def _call_map(self, name: str, argument: Filter, given: Node) -> list[Branch]:
        each = self._items(Branch((), given))
        [result] = self._of(argument, each.value)
        return [_collected([Branch(each.clauses + result.clauses, result.value)])]

    def _call_empty(self, name: str, argument: Filter, given: Node) -> list[Branch]:
        return [Branch((), Literal(None))]

    def _call_now(self, name: str, argument: Filter, given: Node) -> list[Branch]:
        return [Branch((), Apply("now", ()))]


_NAMES = {"|": "pipe", ",": "comma", "|=": "update", "=": "set"}
#: The functions that each language has in its own way.
_FUNCTIONS = frozenset("add in join keys length not split startswith todate".split())


def one_of(branches: Sequence[Branch]) -> Branch:
    """The one value of a filter where a value is expected: the first, if it may come more than once."""
    if len(branches) != 1:
        raise Untranslatable("several values where one is expected")
    ahead, rest = _parted(branches[0].clauses)
    return Branch(ahead, First(branches[0].value, rest) if rest else branches[0].value)


def _parted(clauses: Sequence[Clause]) -> tuple[tuple[Clause, ...], tuple[Clause, ...]]:
    """The names at the beginning, and the rest."""
    ahead = tuple(clause for clause in clauses if isinstance(clause, Bind))
    if tuple(clauses[: len(ahead)]) != ahead:
        raise Untranslatable("a value that is used twice in a list")
    return ahead, tuple(clauses[len(ahead) :])


def _collected(branches: Sequence[Branch]) -> Branch:
    """A list of all values."""
    if not any(branch.clauses for branch in branches):
        return Branch((), List(tuple(branch.value for branch in branches)))
    if len(branches) > 1:
        raise Untranslatable("a list of several that come more than once")
    ahead, rest = _parted(branches[0].clauses)
    return Branch(ahead, Collect(branches[0].value, rest) if rest else List((branches[0].value,)))


def _item(parts: Sequence[Any], values: Sequence[Node]) -> Node:
    of, number = values[0], parts[1]
    if number is None:
        raise Untranslatable("an item that is not numbered")
    return First(of.value, of.clauses) if isinstance(of, Collect) and number == 0 else Get(of, number)


def _sum(parts: Sequence[Any], values: Sequence[Node]) -> Node:
    left, right = values
    return Object(((None, left), *right.pairs)) if isinstance(right, Object) else Operation("+", left, right)


#: What is made of values, by the kind of the filter.
_MADE: Mapping[str, Callable[[Sequence[Any], Sequence[Node]], Node]] = {
    "field": lambda parts, values: Get(values[0], parts[1]),
    "item": _item,
    "part": lambda parts, values: Part(values[0], parts[1], parts[2]),
    "text": lambda parts, values: Text(tuple(values)),
    "object": lambda parts, values: Object(tuple(zip(values[::2], values[1::2], strict=True))),
    "if": lambda parts, values: Choice(*values),
    "+": _sum,
}


def _listed(filter_: Filter) -> Iterator[Filter]:
    if filter_.kind == ",":
        yield from (*_listed(filter_.parts[0]), *_listed(filter_.parts[1]))
    else:
        yield filter_


def _name_of(value: Node) -> str:
    """A name for a value, after the last field on the way to it."""
    if isinstance(value, Get) and isinstance(value.key, int):
        return _singular(_name_of(value.of))
    if isinstance(value, Get):
        return _name_of(value.of) if value.key == "_" else str(value.key)
    return "body" if isinstance(value, Body) else "result"


def _singular(name: str) -> str:
    return name.removesuffix("s") if len(name) > 3 and name.endswith("s") else "item"
