"""The world of the simulator: runs, their jobs and workers, what is on its way to them, and one admission for all that need one.

The world does what the shell and the queue promise, and no more: a transaction is done whole or not at all; a job is delivered until it is
done, also twice at once; an arrival is delivered at least once, in any order; clocks go back. Time is a number, and nothing waits for it.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aasim_plugins.executions.kernel import commands, events
from aasim_plugins.executions.kernel.slots import Admission, Rule, Ticket
from aasim_plugins.executions.kernel.state import Arrival, State, Wait

from ..faults import Kernel
from .change import Change, answered, is_told
from .invariants import check_change
from .programs import Program, program
from .worker import Worker


@dataclass
class Job:
    """A job of the queue; None holds it where it is ready."""

    run: str
    number: int
    crashes: int = 0
    is_done: bool = False
    holder: Worker | None = None


@dataclass
class World:
    """All that there is. `log` is what happened, and when."""

    kernel: Kernel
    random: random.Random
    rule: Rule
    admission: Admission = field(default_factory=Admission)
    now: int = 100
    skew: int = 0
    runs: dict[str, State] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    jobs: dict[tuple[str, int], Job] = field(default_factory=dict)
    inbox: dict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    workers: list[Worker] = field(default_factory=list)
    open: dict[tuple[str, str], Wait] = field(default_factory=dict)
    past: list[Arrival] = field(default_factory=list)
    supplied: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    admitted: list[tuple[int, str]] = field(default_factory=list)
    effects: Counter[tuple[str, str]] = field(default_factory=Counter)
    notified: Counter[str] = field(default_factory=Counter)
    log: list[tuple[int, Change]] = field(default_factory=list)
    numbers: Counter[str] = field(default_factory=Counter)
    _later: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def clock(self) -> int:
        """What clocks show."""
        return self.now + self.skew

    def new_id(self, kind: str) -> str:
        """An id that nobody else has."""
        self.numbers[kind] += 1
        return f"{kind}{self.numbers[kind]}"

    # One transaction: an event, its commands, and what these make happen to other runs.

    def start(self, run: State, run_at: int | None = None) -> None:
        """Start a run with a program of its own."""
        self._start(run, run_at, depth=0)
        self.settle()

    def _start(self, run: State, run_at: int | None, depth: int) -> None:
        self.programs[run.id] = program(self.random, depth)
        state, follow = self.kernel.start(None, events.Start(run, run_at))
        self._write(Change(run.id, None, None, state, follow))

    def apply(self, run: str, event: Any) -> Sequence[Any]:
        """Let an event happen to a run; returns the commands, for whoever asked."""
        follow = self._decide(run, event)
        self.settle()
        return follow

    def _decide(self, run: str, event: Any) -> Sequence[Any]:
        state, follow = self.kernel.decide(self.runs[run], event)
        self._write(Change(run, self.runs[run], event, state, follow))
        return follow

    def settle(self) -> None:
        """Do what the transaction makes happen to other runs."""
        while self._later:
            self._decide(*self._later.pop(0))

    def _write(self, change: Change) -> None:
        self.log.append((self.now, change))
        self.runs[change.run] = change.after
        self.unseen -= {change.run} if change.after.turn != change.known.turn else set()
        self.unseen |= {change.run} if len(change.after.steps) > len(change.known.steps) and not is_told(change) else set()
        for path in answered(change):
            self.open.pop((change.run, path), None)
        for command in change.commands:
            follow = getattr(self, f"_{type(command).__name__.lower()}", None)
            if follow is not None:
                follow(change.run, command)
        check_change(self, change)

    def _enqueue(self, run: str, command: commands.Enqueue) -> None:
        self.jobs.setdefault((run, command.job), Job(run, command.job))

    def _openwait(self, run: str, command: commands.OpenWait) -> None:
        path, wait = command.path, command.wait
        self.open[run, path] = wait
        if wait.kind == "child":
            self._start(State(wait.correlation, parent=run, grace=5), None, depth=1)
        if wait.kind == "admission":
            self.settle_admission(self.kernel.ask(self.admission, self.rule, Ticket(wait.correlation, run[0]), self.clock))
        if wait.kind == "event":
            self.inbox[run] += [arrival for arrival in self.past if arrival.correlation == wait.correlation]

    def _closewait(self, run: str, command: commands.CloseWait) -> None:
        wait = command.wait
        self.open.pop((run, command.path), None)
        if wait.kind == "child":
            self._later.append((wait.correlation, events.Cancel(self.clock, "parent")))
        if wait.kind == "admission":
            self.settle_admission(self.kernel.release(self.admission, self.rule, wait.correlation, self.clock))

    def _release(self, _: str, command: commands.Release) -> None:
        self.settle_admission(self.kernel.release(self.admission, self.rule, command.ticket, self.clock))

    def _notify(self, run: str, command: commands.Notify) -> None:
        self.notified[run] += 1
        self.inbox[command.parent].append(Arrival(f"child:{run}", "child", run, self.clock, command.outcome))

    def settle_admission(self, decision: tuple[Admission, Sequence[Any]]) -> None:
        """Write what the admission has decided, and tell the runs."""
        self.admission, answers = decision
        for answer in answers:
            run = answer.ticket.partition("/")[0]
            if answer.verdict == "admit":
                self.admitted.append((self.clock, answer.ticket))
                self.inbox[run].append(Arrival(answer.ticket, "admission", answer.ticket, self.clock))
            else:
                self._later.append((run, events.Cancel(self.clock, answer.verdict)))
