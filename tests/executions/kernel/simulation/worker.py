"""The worker of the simulator: it goes through a run's program in small steps, between any of which it may die or be overtaken."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aasim_plugins.executions.kernel import commands, events
from aasim_plugins.executions.kernel.state import Outcome, Wait

from .programs import Do, Gather

if TYPE_CHECKING:
    from .world import World


@dataclass(eq=False)
class Worker:
    """One turn of a run. `doing` is the step whose effect is next, `done` the one whose outcome is."""

    run: str
    turn: int
    job: int
    place: int = 0
    item: int = 0
    has_open: bool = False
    doing: commands.Perform | None = None
    done: commands.Perform | None = None

    def work(self, world: "World") -> bool:
        """One small step; False when the worker has nothing to do with the run any more."""
        if self.doing is not None:
            world.effects[self.run, self.doing.path] += 1
            self.doing, self.done = None, self.doing
            return True
        program = world.programs[self.run]
        if self.place == len(program):
            return self._end(world, events.RunEnded(self.turn, Outcome("succeeded", "result")))
        instruction = program[self.place]
        if self.done is not None:
            return self._report(world, instruction)
        return self._start(world, instruction) if isinstance(instruction, Do) else self._gather(world, instruction)

    def leave(self, world: "World") -> bool:
        """Stop at the next safe place, since the worker is to stop; the run goes on elsewhere."""
        if self.doing is None and self.done is None:
            return self._end(world, events.TurnEnded(self.turn, has_more=True))
        return self.work(world)

    def _end(self, world: "World", event: Any) -> bool:
        world.apply(self.run, event)
        return False

    def _report(self, world: "World", instruction: Any) -> bool:
        done, self.done = self.done, None
        assert done is not None
        is_failed = done.attempt <= instruction.failures
        outcome = Outcome("failed" if is_failed else "succeeded", f"attempt {done.attempt}")
        retry_at = world.clock + 10 if is_failed else None
        return not world.apply(self.run, events.StepEnded(self.turn, done.path, outcome, retry_at)) or is_failed

    def _start(self, world: "World", step: Do) -> bool:
        [answer] = world.apply(self.run, events.StepStarted(self.turn, step.path, step.is_repeatable))
        if isinstance(answer, commands.Perform):
            self.doing = answer
            return True
        if isinstance(answer, commands.Replay):
            return self._go_on(world, answer.outcome)
        return self._rejected(world, answer, step.path)

    def _rejected(self, world: "World", answer: commands.Reject, path: str) -> bool:
        if answer.reason == "unknown_outcome":
            world.apply(self.run, events.WaitRegistered(self.turn, path, Wait("approval", f"{path} of {self.run}")))
            return self._end(world, events.TurnEnded(self.turn))
        return self._end(world, events.TurnEnded(self.turn, has_more=answer.reason == "stopping"))

    def _go_on(self, world: "World", outcome: Outcome) -> bool:
        self.place += 1
        return outcome.status == "succeeded" or self._end(world, events.RunEnded(self.turn, Outcome("failed", outcome.ref)))

    def _gather(self, world: "World", gather: Gather) -> bool:
        if self.item == len(gather.waits):
            if self.has_open:
                return self._end(world, events.TurnEnded(self.turn))
            self.place, self.item = self.place + 1, 0
            return True
        path, wait = gather.waits[self.item]
        if wait.correlation in world.supplied:  # it was missing, and is not any more
            self.item += 1
            return True
        answers = world.apply(self.run, events.WaitRegistered(self.turn, path, wait))
        self.item += 1
        if any(isinstance(answer, commands.Reject) for answer in answers):
            return self._end(world, events.TurnEnded(self.turn, has_more=True))
        self.has_open |= not any(isinstance(answer, commands.Replay) for answer in answers)
        return True
