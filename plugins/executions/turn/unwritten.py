"""The unwritten results of a turn."""

from collections.abc import Callable
from dataclasses import dataclass, field

from aasim_core.data.records import insert_rows

from ..models import Step

Write = Callable[[], object]


@dataclass
class Unwritten:
    """The finished `step`, what is written `also` with it, what is written `soon` whatever happens, and whether engines took something.

    Where something ended that is not done again after a crash, it `is_progress`; a finished step is.
    """

    step: Step | None = None
    also: list[Write] = field(default_factory=list)
    soon: list[Write] = field(default_factory=list)
    has_spent: bool = False
    is_progress: bool = False

    def __bool__(self) -> bool:
        return self.step is not None or bool(self.also or self.soon) or self.has_spent

    def write_also(self, write: Write) -> None:
        """Keep `write` for the step, after what was given before, itself included."""
        self.also = [*(each for each in self.also if each != write), write]

    def write(self) -> None:
        """Write the step and all that goes with it, in the running transaction."""
        if self.step is not None:
            insert_rows(Step, [self.step.row()])
        for write in self.also:
            write()
        self.write_soon()

    def write_soon(self) -> None:
        """Write only what is written whatever happens, in the running transaction."""
        for write in self.soon:
            write()
