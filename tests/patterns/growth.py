"""How the time of a regular expression grows with its text, told from its automaton: an upper bound, for Python's backtracking.

A pattern becomes its position automaton: a state for each character that it names, an edge for each way on. Two ways to read one
text from a state back to itself are exponential; two loops in a row that read one text are quadratic. See Weideman et al., Analyzing
Matching Time Behavior of Backtracking Regular Expression Matchers by Using Ambiguity of NFA (CIAA 2016).
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

# Python offers its own parser of patterns under these names only.
names, parser, compiler = re._constants, re._parser, re._compiler  # type: ignore[attr-defined]
EXPONENTIAL, POLYNOMIAL, LINEAR = "exponential", "polynomial", "linear"
#: Repeats with an end are cut to so many: they make no text slow by its length.
_REPEATS = 3
#: The characters that stand for all: ASCII, and some beyond it of each kind.
_ALPHABET = [*map(chr, range(128)), "\x85", "\xa0", "é", "İ", "١", "中", "\ud800", "\U0001f600"]

# What an item of a pattern reads, by its form.
_READ: dict[str, frozenset[str]] = {}


@dataclass
class _Part:
    """What a part of a pattern adds to the automaton: the states that it begins and ends with, and whether it may read nothing."""

    nullable: bool
    first: "Counter[int]" = field(default_factory=Counter)
    last: "Counter[int]" = field(default_factory=Counter)


class Unknown(Exception):
    """The pattern has something that the automaton cannot hold."""


class Automaton:
    """The position automaton of a pattern; `inner` are what it holds that is matched on its own."""

    def __init__(self, pattern: Any, flags: int, *, assertions_read_nothing: bool = True, tries_each_place: bool = False) -> None:
        self.reads: list[frozenset[str]] = []
        self.follow: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.inner: list[Any] = []
        self._assertions_read_nothing, self._tries_each_place = assertions_read_nothing, tries_each_place
        tree = pattern if isinstance(pattern, parser.SubPattern) else parser.parse(pattern, flags)
        self.flags = tree.state.flags
        self.tree = tree
        self.whole = self._sequence(tree)

    def state(self, reads: Iterable[str]) -> _Part:
        """A part of one state."""
        self.reads.append(frozenset(reads))
        return _Part(False, Counter([len(self.reads) - 1]), Counter([len(self.reads) - 1]))

    def _sequence(self, items: Iterable[Any]) -> _Part:
        whole = _Part(True)
        for number, (kind, value) in enumerate(items):
            if kind is names.ASSERT and value[0] < 0:
                if number:
                    raise Unknown("a lookbehind that is not at the beginning")
                part = self._sequence(value[1])  # what it reads is read before the match
            else:
                part = self._item(kind, value)
            whole = self._joined(whole, part)
        return whole

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self._connect(one.last, other.first)
        first = one.first + other.first if one.nullable else one.first
        last = one.last + other.last if other.nullable else other.last
        return _Part(one.nullable and other.nullable, first, last)

    def _connect(self, ends: "Counter[int]", starts: "Counter[int]") -> None:
        for end, times in ends.items():
            for start, ways in starts.items():
                self.follow[end][start] += times * ways

    def _item(self, kind: Any, value: Any) -> _Part:
        handlers: dict[Any, Callable[[Any], _Part]] = {
            names.MAX_REPEAT: lambda value: self._repeat(*value),
            names.MIN_REPEAT: lambda value: self._repeat(*value),
            names.POSSESSIVE_REPEAT: lambda value: self._atomic(value[2], value[0] == 0, value[1] > 1),
            names.ATOMIC_GROUP: lambda value: self._atomic(value, value.getwidth()[0] == 0, value.getwidth()[1] > 1),
            names.SUBPATTERN: lambda value: self._sequence(value[3]),
            names.BRANCH: lambda value: self._branches([self._sequence(branch) for branch in value[1]]),
            names.ASSERT: self._looking,
            names.ASSERT_NOT: self._looking,
            names.AT: self._at,
            names.GROUPREF: self._reference,
            names.GROUPREF_EXISTS: self._reference,
        }
        return handlers[kind](value) if kind in handlers else self.state(_characters(kind, value, self.flags))

    def _looking(self, value: Any) -> _Part:
        self.inner.append(value[1])
        return self._condition()

    def _at(self, value: Any) -> _Part:
        if not self._tries_each_place or value not in (names.AT_BEGINNING, names.AT_BEGINNING_STRING):
            return self._condition()
        # Beyond the beginning of the text, it holds behind the end of a line or nowhere.
        multiline = value is names.AT_BEGINNING and self.flags & re.MULTILINE
        return self.state("\n" if multiline else ())

    def _condition(self) -> _Part:
        return _Part(True) if self._assertions_read_nothing else self.state(())

    def _reference(self, _value: Any) -> _Part:
        raise Unknown("a reference to a group")

    def _branches(self, parts: Sequence[_Part]) -> _Part:
        first: Counter[int] = sum((part.first for part in parts), Counter())
        last: Counter[int] = sum((part.last for part in parts), Counter())
        return _Part(any(part.nullable for part in parts), first, last)

    def _repeat(self, least: int, most: Any, items: Any) -> _Part:
        endless = most is names.MAXREPEAT
        whole = _Part(True)
        for number in range(min(least, _REPEATS) if endless else min(most, _REPEATS)):
            part = self._sequence(items)
            whole = self._joined(whole, part if number < least else _Part(True, part.first, part.last))
        if endless:
            part = self._sequence(items)
            self._connect(part.last, part.first)
            whole = self._joined(whole, _Part(True, part.first, part.last))
        return whole

    def _atomic(self, items: Any, nullable: bool, repeats: bool) -> _Part:
        # Never gone back into: for what is around it, one state that reads all of its characters.
        self.inner.append(items)
        inside = Automaton(items, self.flags)
        part = self.state(frozenset().union(*inside.reads))
        if repeats:
            self._connect(part.last, part.first)
        return _Part(nullable or inside.whole.nullable, part.first, part.last)


def _characters(kind: Any, value: Any, flags: int) -> frozenset[str]:
    key = str((kind, value, flags))
    if key not in _READ:
        state = parser.State()
        state.flags = flags
        compiled = compiler.compile(parser.SubPattern(state, [(kind, value)]), flags)
        _READ[key] = frozenset(each for each in _ALPHABET if compiled.match(each))
    return _READ[key]


def growth(pattern: str | bytes, flags: int = 0, *, way: str = "search") -> str:
    """How the time of the pattern grows when it is used in this way: `search` stands for all that try each place of the text.

    Raises Unknown.
    """
    automaton = Automaton(pattern, flags)
    found = [_growth_of(pattern, flags, "match" if way == "search" else way)]
    if way == "search":
        found.append(_growth_of(pattern, flags, way))
    todo = [(automaton.flags, each) for each in automaton.inner]
    while todo:
        inner_flags, items = todo.pop()
        found.append(_growth_of(items, inner_flags, "match"))
        todo += [(inner_flags, each) for each in Automaton(items, inner_flags).inner]
    return min(found, key=[EXPONENTIAL, POLYNOMIAL, LINEAR].index)


def _growth_of(pattern: Any, flags: int, way: str) -> str:
    automaton = Automaton(pattern, flags, tries_each_place=way == "search")
    edges = {state: dict(ways) for state, ways in automaton.follow.items()}
    # Where the match may end, nothing is gone back from; not so where all of the text is to match.
    final = set() if way == "fullmatch" else _final(automaton, Automaton(pattern, flags, assertions_read_nothing=False))
    reads = list(automaton.reads)
    if way == "search":
        reads.append(frozenset(_ALPHABET))
        edges[len(reads) - 1] = {len(reads) - 1: 1, **automaton.whole.first}
    ways_on = {
        one: {other: ways for other, ways in edges.get(one, {}).items() if other not in final} for one in range(len(reads))
    }
    if _is_exponential(ways_on, reads):
        return EXPONENTIAL
    return POLYNOMIAL if _is_polynomial(ways_on, reads) else LINEAR


def _final(automaton: Automaton, strict: Automaton) -> set[int]:
    """The states at which a match ends without a condition; assertions are states of the strict automaton, which shifts the others."""
    kept = [number for number, reads in enumerate(strict.reads) if reads]
    places = {old: new for new, old in enumerate(kept)}
    every = [number for number, reads in enumerate(automaton.reads) if reads]
    return {every[places[state]] for state in strict.whole.last if state in places}


def _reached(starts: Iterable[Any], ways_on: Callable[[Any], Iterable[Any]]) -> set[Any]:
    seen, todo = set(starts), list(starts)
    while todo:
        for state in ways_on(todo.pop()):
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return seen


def _is_exponential(edges: dict[int, dict[int, int]], reads: list[frozenset[str]]) -> bool:
    def pairs(pair: tuple[int, int]) -> Iterator[tuple[int, int]]:
        one, other = pair
        return (both for both in itertools.product(edges[one], edges[other]) if reads[both[0]] & reads[both[1]])

    for state, ways in edges.items():
        around = _reached(ways, edges.__getitem__)
        if state not in around:
            continue
        if any(
            edges[one].get(other, 0) > 1 and state in _reached([other], edges.__getitem__)
            for one in around
            for other in edges[one]
        ):
            return True
        forks = [pair for pair in _reached([(state, state)], pairs) if pair[0] < pair[1]]
        if any((state, state) in _reached([fork], pairs) for fork in forks):
            return True
    return False


def _is_polynomial(edges: dict[int, dict[int, int]], reads: list[frozenset[str]]) -> bool:
    def triples(triple: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
        ways = itertools.product(*(edges[state] for state in triple))
        return ((a, b, c) for a, b, c in ways if reads[a] & reads[b] & reads[c])

    loops = [state for state in edges if state in _reached(edges[state], edges.__getitem__)]
    return any(
        (one, other, other) in _reached([(one, one, other)], triples)
        for one, other in itertools.permutations(loops, 2)
        if other in _reached([one], edges.__getitem__)
    )
