"""Counts by every dimension that they can be grouped by; equal counts have equal bytes as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import add
from typing import Any

import orjson

from aasim_core.text.json import to_json

from . import sketch
from .sketch import Sketch

#: The components of a key, in this order. Department and branch follow from the project.
DIMENSIONS = ("agent", "version", "project", "engine", "trigger", "status", "error")
Key = tuple[Any, ...]
_ALWAYS = (
    "runs", "succeeded", "failed", "timed_out", "cancelled", "duration_ms", "wait_ms", "scored", "score", "calls", "input_tokens",
    "output_tokens",
)  # fmt: skip
#: What is summed: `duration_ms` and `wait_ms` over all runs that began, `score` in millionths over the `scored` ones, `decision_ms` over
#: the approvals that people have decided. What `_ALWAYS` does not have is written where there is some of it.
SUMS = (*_ALWAYS, "approved", "rejected", "expired", "decision_ms")
_PLACE = {name: place for place, name in enumerate(SUMS)}
_SPENT = tuple(_PLACE[name] for name in ("input_tokens", "output_tokens"))
#: A key, the sums, sketches of durations and waits, and costs: a currency, its micro-units, and so on. Where people have decided something,
#: there is also a sketch of how long that took.
Written = Sequence[Any]


class Numbers:
    """What is counted for one key: sums in the order of `SUMS`, three sketches, and micro-units by currency."""

    __slots__ = ("costs", "decisions", "durations", "sums", "waits")

    def __init__(self) -> None:
        self.sums = [0] * len(SUMS)
        self.durations: Sketch = {}
        self.waits: Sketch = {}
        self.decisions: Sketch = {}
        self.costs: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self.sums[_PLACE[name]]

    def count(self, **more: int) -> None:
        """Add to the sums of these names."""
        for name, number in more.items():
            self.sums[_PLACE[name]] += number

    def pay(self, currency: str, amount: int) -> None:
        """Add a cost."""
        self.costs[currency] = self.costs.get(currency, 0) + amount

    def add(self, written: Written, *, with_spent: bool = True) -> None:
        """Add what is written; without what was spent, only the rest."""
        _, sums, durations, waits, costs, *decisions = written
        self.sums = [*map(add, self.sums, sums), *self.sums[len(sums) :]]
        for taken in decisions:
            sketch.add(self.decisions, taken)
        if durations:
            sketch.add(self.durations, durations)
            sketch.add(self.waits, waits)
        if not with_spent:
            for place in _SPENT:
                self.sums[place] -= sums[place]
            return
        pairs = iter(costs)
        for currency, amount in zip(pairs, pairs, strict=True):
            self.pay(currency, amount)

    def merge(self, other: Numbers) -> None:
        """Add all numbers of another key."""
        self.add(other.written(()))

    def written(self, key: Key) -> Written:
        """The stored form of the numbers."""
        costs = [each for currency in sorted(self.costs) for each in (currency, self.costs[currency])]
        sums = self.sums if any(self.sums[len(_ALWAYS) :]) else self.sums[: len(_ALWAYS)]
        decisions = [sketch.flat(self.decisions)] if self.decisions else []
        return [list(key), sums, sketch.flat(self.durations), sketch.flat(self.waits), costs, *decisions]


class Cube(dict[Key, Numbers]):
    """Numbers by their keys; a key that is new has none yet."""

    def __missing__(self, key: Key) -> Numbers:
        self[key] = numbers = Numbers()
        return numbers

    def written(self) -> Iterator[Written]:
        """Everything in it, in the order of the keys' JSON."""
        for _, key in sorted((to_json(key), key) for key in self):
            yield self[key].written(key)


def text_of(cube: Cube) -> str:
    """The stored form of the cube."""
    return to_json(list(cube.written())).decode()


def read(text: str) -> Sequence[Written]:
    """What such a text holds."""
    written: Sequence[Written] = orjson.loads(text)
    return written
