"""A world of the simulator whose transactions are those of the shell, and a mirror of it in a database, with which it is compared.

What a transaction asks of the admission and gives back is settled at its end; a run that asks is told at once, others find it in their
inbox; and who has to make room is cancelled in a transaction of its own. Runs have waits only: steps are none of the shell's.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from aasim_plugins.executions.kernel import commands, events
from aasim_plugins.executions.kernel.slots import Admission, Rule, Ticket
from aasim_plugins.executions.kernel.state import Arrival, Slot, State, Wait

from ..faults import Kernel
from .change import Change
from .programs import Gather, program
from .simulator import ACTIONS, answer, claim, crash, deliver, deliver_again, interfere, pass_time, quiesce, surprise, tick, work
from .world import World

#: Who may not wait is cancelled here, and refused by the shell as it begins: so no rule of these refuses.
RULES = (
    Rule(limit=1),
    Rule(limit=2),
    Rule(limit=2, policy="latest_only"),
    Rule(limit=1, policy="cancel_oldest"),
    Rule(limit=1, policy="cancel_newest"),
    Rule(limit=2, rate=2, window=40),
    Rule(rate=1, window=25),
)
#: Of the groups of runs, and of children.
PRIORITIES = {"a": 0, "b": 1, "": 0}


class Mirror(Protocol):
    """The same runs elsewhere."""

    def start(self, run: State, run_at: int | None) -> object:
        """The run begins."""

    def apply(self, run: str, event: Any, children: Sequence[State]) -> object:
        """The event happens to the run, for which these children begin."""

    def refresh(self) -> object:
        """Whoever may be admitted by now is."""

    def make_room(self, runs: Sequence[str]) -> object:
        """These runs, and no others, are cancelled, since they have to make room."""

    def compare(self, runs: Sequence[State], admission: Admission) -> object:
        """Raises AssertionError where the runs or the admission are not the same."""


class ShellWorld(World):
    """A world that does at once to its `mirror` what happens in it."""

    def __init__(self, chance: random.Random, kernel: Kernel, seed: int, mirror: Callable[["ShellWorld"], Mirror]) -> None:
        super().__init__(kernel, chance, chance.choice(RULES))
        self.seed, self.groups = seed, dict[str, str]()
        self._requests: list[tuple[str, str, bool]] = []
        self._making_room: list[str] = []
        self._children: list[State] = []
        self._is_start = False
        self._compared = 0
        self._mirror = mirror(self)

    def new_run(self, group: str) -> str:
        """The id of a run, as databases have them, of that group."""
        self.numbers["run"] += 1
        run = f"exec_{self.seed * 1000 + self.numbers['run']:026}"
        self.groups[run] = group
        return run

    def start(self, run: State, run_at: int | None = None) -> None:
        self._is_start = True
        self._start(run, run_at, depth=0)
        self._is_start = False
        self._mirror.start(run, run_at)
        self._finish()

    def _start(self, run: State, run_at: int | None, depth: int) -> None:
        gathers = [each for each in program(self.random, depth) if isinstance(each, Gather)]
        self.programs[run.id] = tuple(Gather(tuple((path, self._named(wait)) for path, wait in each.waits)) for each in gathers)
        state, follow = self.kernel.start(None, events.Start(run, run_at))
        self._write(Change(run.id, None, None, state, follow))

    def _named(self, wait: Wait) -> Wait:
        return replace(wait, correlation=self.new_run("")) if wait.kind == "child" else wait

    def apply(self, run: str, event: Any) -> Sequence[Any]:
        follow = self._decide(run, event)
        self._settle_requests()
        children, self._children = self._children, []
        self._mirror.apply(run, event, children)
        self._finish()
        return follow

    def _decide(self, run: str, event: Any) -> Sequence[Any]:
        follow = super()._decide(run, event)
        kept = sorted(self.runs[run].arrivals, key=lambda arrival: (arrival.at, arrival.key))  # as rows are read
        self.runs[run] = self.runs[run]._replace(arrivals=tuple(kept))
        return follow

    def settle(self) -> None:
        """The end of a refresh."""
        self._mirror.refresh()
        self._finish()

    def _finish(self) -> None:
        while self._making_room:
            runs, self._making_room = list(dict.fromkeys(self._making_room)), []
            for run in runs:
                self._decide(run, events.Cancel(self.clock, "room"))
                self._settle_requests()
            self._mirror.make_room(runs)
        changed = {change.run: None for _, change in self.log[self._compared :]}
        self._compared = len(self.log)
        self._mirror.compare([self.runs[run] for run in changed], self.admission)

    def _openwait(self, run: str, command: commands.OpenWait) -> None:
        path, wait = command.path, command.wait
        if wait.kind == "child":
            self.open[run, path] = wait
            self._children.append(State(wait.correlation, parent=run))
            self._start(self._children[-1], None, depth=1)
        elif wait.kind == "admission":
            self.open[run, path] = wait
            self._requests.append((run, wait.correlation, True))
            if self._is_start:
                self._settle_requests()
        else:
            super()._openwait(run, command)

    def _closewait(self, run: str, command: commands.CloseWait) -> None:
        self.open.pop((run, command.path), None)
        if command.wait.kind == "child":
            self._decide(command.wait.correlation, events.Cancel(self.clock, "parent"))
        if command.wait.kind == "admission":
            self._requests.append((run, command.wait.correlation, False))

    def _release(self, run: str, command: commands.Release) -> None:
        self._requests.append((run, command.ticket, False))

    def _notify(self, run: str, command: commands.Notify) -> None:
        self.notified[run] += 1
        self.inbox[command.parent].append(Arrival(run, "child", run, self.clock, command.outcome))

    def _settle_requests(self) -> None:
        while self._requests:
            requests, self._requests = self._requests, []
            answers: list[Any] = []
            for run, ticket, is_asking in requests:
                self.admission, more = self._happen(run, ticket) if is_asking else self._leave(ticket)
                answers += more
            asking = {ticket for _, ticket, is_asking in requests if is_asking}
            for answer_ in answers:
                self._tell(answer_, is_asking=answer_.ticket in asking)

    def _happen(self, run: str, ticket: str) -> Any:
        group = self.groups[run]
        return self.kernel.ask(self.admission, self.rule, Ticket(ticket, group, PRIORITIES[group]), self.clock)

    def _leave(self, ticket: str) -> Any:
        return self.kernel.release(self.admission, self.rule, ticket, self.clock)

    def settle_admission(self, decision: tuple[Admission, Sequence[Any]]) -> None:
        self.admission, answers = decision
        for answer_ in answers:
            self._tell(answer_, is_asking=False)

    def _tell(self, answer_: Any, *, is_asking: bool) -> None:
        run, arrival = answer_.ticket.partition("/")[0], Arrival(answer_.ticket, "admission", answer_.ticket, self.clock)
        if answer_.verdict != "admit":
            self._making_room.append(run)
            return
        self.admitted.append((self.clock, answer_.ticket))
        if is_asking:
            self._decide(run, events.Delivered((arrival,)))
        else:
            self.inbox[run].append(arrival)


def live(seed: int, kernel: Kernel, mirror: Callable[[ShellWorld], Mirror]) -> ShellWorld:
    """Let a world live from its seed, and its mirror with it. Raises AssertionError as soon as they differ."""
    chance = random.Random(seed)  # noqa: S311 - the seed is what makes it replayable
    world = ShellWorld(chance, kernel, seed, mirror)
    for _ in range(chance.randint(2, 4)):
        slot = chance.choice((None, Slot(f"key.{seed}", "run"), Slot(f"key.{seed}", "turn")))
        deadline, run_at = chance.choice((None, None, 160, 250)), chance.choice((None, None, None, 115))
        world.start(State(world.new_run(chance.choice("ab")), slot=slot, deadline=deadline), run_at)
    actions = (
        [work] * 10 + [claim] * 4 + [deliver] * 4 + [tick] * 2 + [pass_time] * 2 + [answer] * 2
        + [crash, deliver_again, surprise] + [interfere] * 2
    )  # fmt: skip
    for _ in range(ACTIONS):
        chance.choice(actions)(world)
    for _ in range(40):
        if not quiesce(world):
            break
    return world
