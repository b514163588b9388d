"""Number the steps of a run, and build their paths."""

from collections import Counter
from datetime import datetime

from ..log.logbook import NOWHERE, Address
from ..paths import Segment, id_of


class Numbering:
    """The steps that were begun in a turn; `address` is that of the last one, and `ended_at` when the last that has ended did."""

    def __init__(self) -> None:
        self.number = 0
        self.address = NOWHERE
        self.ended_at: datetime | None = None
        self._names, self._ids = Counter[str](), Counter[str]()

    def next(self, name: str) -> int:
        """Begin a step of that name, whose kind is what stands before a colon; its number, from 1."""
        id_ = id_of(name.partition(":")[0])
        self.number += 1
        self._names[name] += 1
        self._ids[id_] += 1
        self.address = Address(self.number, str(Segment(id_, repetition=self._ids[id_])))
        return self.number

    def times(self, name: str) -> int:
        """How many steps of that name there were."""
        return self._names[name]
