"""Playbooks: tests of the kernel that read as sequence diagrams.

`given(state) << event >> status >> [commands]`: the event happens to the run, which then has the status, and the commands follow. Each
event is followed by what is expected of it.
"""

from typing import Any

from aasim_plugins.executions.kernel.commands import Command
from aasim_plugins.executions.kernel.decide import decide, start
from aasim_plugins.executions.kernel.events import Claimed, Event, Start
from aasim_plugins.executions.kernel.state import Arrival, Outcome, State, WaitKind

DONE = Outcome("succeeded", "result")
FAILED = Outcome("failed", "error")


class Playbook:
    """A run, and what the last event made of it."""

    def __init__(self, state: State | None) -> None:
        self.state: Any = state
        self._commands: list[Command] = []

    def __lshift__(self, event: Event | Start) -> "Playbook":
        self.state, commands = start(self.state, event) if isinstance(event, Start) else decide(self.state, event)
        self._commands = list(commands)
        return self

    def __rshift__(self, expected: str | list[Command]) -> "Playbook":
        assert expected == (self.state.status if isinstance(expected, str) else self._commands)
        return self


def given(state: State | None) -> Playbook:
    """Begin a playbook."""
    return Playbook(state)


def new(**values: Any) -> State:
    """A run as it is started."""
    return State("r", **values)


def queued(**values: Any) -> State:
    """A run whose first job is in the queue."""
    return start(None, Start(new(**values)))[0]


def running(**values: Any) -> State:
    """A run in its first turn."""
    return decide(queued(), Claimed(1))[0]._replace(**values)


def after(state: State, *events: Event) -> State:
    """The run after the events."""
    for event in events:
        state, _ = decide(state, event)
    return state


def arrival(kind: WaitKind, correlation: str, *, key: str = "", at: int = 0, outcome: Outcome = DONE) -> Arrival:
    """Something that arrives, with a key of its own."""
    return Arrival(key or f"{kind}:{correlation}", kind, correlation, at, outcome)
