"""What an event has made of a run, as the invariants look at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aasim_plugins.executions.kernel import events
from aasim_plugins.executions.kernel.state import State


class Violation(AssertionError):
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: object) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


@dataclass(frozen=True)
class Change:
    """What an event has made of a run; None where the run begins."""

    run: str
    before: State | None
    event: Any
    after: State
    commands: Sequence[Any]

    @property
    def known(self) -> State:
        """The run before."""
        return self.after if self.before is None else self.before

    def has(self, kind: type) -> bool:
        """Whether there is a command of the kind."""
        return any(isinstance(command, kind) for command in self.commands)


def answered(change: Change) -> Sequence[str]:
    """The paths whose wait has ended by itself, so that nothing has to be closed: what they waited for has come, or their time has."""
    came = {(arrival.kind, arrival.correlation) for arrival in getattr(change.event, "arrivals", ())}
    return [
        path
        for path, wait in change.known.waits.items()
        if change.after.waits.get(path) != wait and (wait.kind == "timer" or (wait.kind, wait.correlation) in came)
    ]


def is_told(change: Change) -> bool:
    """Whether the run's own worker learns at once what is new in it."""
    return isinstance(change.event, events.StepStarted | events.StepEnded)
