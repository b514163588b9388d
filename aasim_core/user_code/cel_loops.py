"""The maximal cost of CEL expressions with loops: ``map``, ``filter``, ``all`` and ``exists``.

Loops are not nested, so that each part of an expression is evaluated once, or once for each item of one list. How long that list is, and
how large, follows from the values that are named in what it is made of: every list is a part of a value, is written down, is a sum of
lists, or has an item for each of another one.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .cel_text import Word, words

#: The loops that there are.
MACROS = ("map", "filter", "all", "exists")
#: How many items all loops of an expression may go through; those that make a list copy it for each item, see `Cost.copied`.
MOST_ITEMS = 10_000
_COPYING = ("map", "filter")
# What a place in a list takes, in bytes.
_PLACE = 16
_CLOSING = {")": "(", "]": "[", "}": "{"}

_NESTED = "An expression cannot go through a list for each item of another one; do one of them before."
_TAKEN = "{} is a name already; call what stands for an item something else."


class Size(NamedTuple):
    """The size of a value: its bytes as JSON, and the length of the longest list or object in it."""

    bytes: int
    longest: int


class Cost(NamedTuple):
    """What evaluating an expression takes: the bytes that are read, those that loops copy, and how many items they go through."""

    read: int
    copied: int
    items: int


@dataclass(frozen=True)
class _Loop:
    """A loop: its macro and variable, and where in the words of the expression its list begins, its variable is, and its body ends."""

    macro: str
    variable: str
    start: int
    at: int
    end: int

    @property
    def list(self) -> range:
        """The words of what it goes through."""
        return range(self.start, self.at - 3)

    @property
    def whole(self) -> range:
        """All of its words."""
        return range(self.start, self.end + 1)

    @property
    def body(self) -> range:
        """The words that are evaluated for each item."""
        return range(self.at + 2, self.end)


def may_loop(expression: str) -> bool:
    """Whether an expression may go through lists; without a loop it does not."""
    return any(macro in expression for macro in MACROS)


def flaw(expression: str, names: Collection[str]) -> str | None:
    """What is wrong with the loops of an expression over the variables `names`, as one sentence, or None."""
    loops = list(_loops(words(expression)))
    if any(inner.at in outer.body for outer in loops for inner in loops):
        return _NESTED
    return next((_TAKEN.format(loop.variable) for loop in loops if loop.variable in names), None)


def cost(expression: str, sizes: Mapping[str, Size]) -> Cost:
    """What evaluating the expression takes at most, where its variables have those sizes."""
    meter = _Meter(words(expression), sizes)
    return Cost(meter.whole().bytes, meter.copied, meter.items)


def size_of(value: Any, length: int) -> Size:
    """The size of a JSON value of this many bytes."""
    longest, todo = 0, [value]
    while todo:
        inner = todo.pop()
        if isinstance(inner, dict | list):
            longest = max(longest, len(inner))
            todo += inner.values() if isinstance(inner, dict) else inner
    return Size(length, longest)


class _Meter:
    """Counts loop by loop, from the left: what a loop goes through is made of what stands before it."""

    def __init__(self, found: list[Word], sizes: Mapping[str, Size]) -> None:
        self._words, self._sizes = found, sizes
        self._done: list[tuple[_Loop, Size]] = []
        self.copied = self.items = 0
        for loop in _loops(found):
            self._count(loop)

    def whole(self) -> Size:
        """What is read in all, and the longest list that can come of it."""
        return self._of(range(len(self._words)))

    def _count(self, loop: _Loop) -> None:
        through = self._of(loop.list)
        inner = [self._words[n] for n in loop.body]
        times, once = sum(word.text == loop.variable for word in inner), self._written(inner)
        times += loop.macro == "filter"  # which takes the item itself
        read = through.longest * once.bytes + times * through.bytes
        longest = max(through.longest, once.longest + times * through.longest)
        self._done.append((loop, Size(read, longest if loop.macro in _COPYING else 0)))
        self.items += through.longest
        self.copied += _PLACE * through.longest**2 if loop.macro in _COPYING else 0

    def _of(self, span: range) -> Size:
        """What evaluating these words reads, with the loops in them, and the longest list that can come of it."""
        loops = [(loop, size) for loop, size in self._done if loop.at in span]
        bodies = {n for loop, _ in loops for n in loop.body}
        read = self._written([self._words[n] for n in span if n not in bodies]).bytes + sum(size.bytes for _, size in loops)
        last = [(loop, size) for loop, size in loops if not any(loop.at in other.list for other, _ in loops)]
        made = {n for loop, _ in last for n in loop.whole}
        longest = self._written([self._words[n] for n in span if n not in made]).longest + sum(size.longest for _, size in last)
        return Size(read, longest)

    def _written(self, found: list[Word]) -> Size:
        """The sizes of what these words say themselves, and of the values that they name."""
        named = [self._sizes[word.text] for word in found if word.kind == "name" and word.text in self._sizes]
        items = sum(word.kind == "sign" and word.text in "[{," for word in found)
        length = sum(len(word.text.encode()) for word in found) + sum(size.bytes for size in named)
        return Size(length, items + sum(size.longest for size in named))


def _loops(found: list[Word]) -> Iterator[_Loop]:
    """The loops of an expression, in the order in which they stand."""
    opening = _opening(found)
    closing = {start: end for end, start in opening.items()}
    for n, word in enumerate(found):
        is_loop = word.kind == "name" and word.text in MACROS and n > 0 and found[n - 1].text == "." and n + 1 in closing
        if is_loop and n + 2 < closing[n + 1]:
            yield _Loop(word.text, found[n + 2].text, _start(found, n - 2, opening), n + 2, closing[n + 1])


def _opening(found: list[Word]) -> dict[int, int]:
    """For each bracket that closes, the one that it closes."""
    pairs, open_ = {}, list[int]()
    for n, word in enumerate(found):
        if word.kind == "sign" and word.text in "([{":
            open_.append(n)
        elif word.kind == "sign" and word.text in _CLOSING and open_:
            pairs[n] = open_.pop()
    return pairs


def _start(found: list[Word], last: int, opening: Mapping[int, int]) -> int:
    """Where the operand begins whose last word that is: names, calls and places in brackets, connected by dots."""
    n = last
    while True:
        first = opening.get(n, n)
        is_alone = first == 0 or not _ends_operand(found[first - 1])
        if first != n and not is_alone:  # the arguments of a function, or the place of an item
            n = first - 1
        elif first > 1 and found[first - 1].text == "." and _ends_operand(found[first - 2]):
            n = first - 2
        else:
            return first - 1 if first > 0 and found[first - 1].text == "." else first


def _ends_operand(word: Word) -> bool:
    return word.kind in ("name", "literal", "text") or word.text in _CLOSING
