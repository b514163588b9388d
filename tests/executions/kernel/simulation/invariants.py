"""What always holds: of each change of a run, of the world after each transaction, and of its end. The docstrings say what is promised."""

from collections import Counter
from typing import TYPE_CHECKING

from aasim_plugins.executions.kernel.state import TERMINAL, State

from .change import Change, Violation
from .invariants_of_changes import ENDS, OF_CHANGES
from .programs import Do

if TYPE_CHECKING:
    from .world import World

# Of the world, after each transaction.


def a_step_has_its_effect_once(world: "World") -> bool:
    """A step that must not be repeated is done once for each attempt that it was given, and given one unless it failed."""
    return all(
        world.effects[run, step.path] <= 1 + step.failures
        for run, steps in world.programs.items()
        for step in steps
        if isinstance(step, Do) and not step.is_repeatable
    )


def one_worker_has_a_run(world: "World") -> bool:
    """At most one worker can write."""
    turns = Counter(worker.run for worker in world.workers if worker.turn == world.runs[worker.run].turn)
    return all(count == 1 for count in turns.values())


def no_more_are_admitted_than_the_limit(world: "World") -> bool:
    """As many hold a slot as the rule allows, and those that think so do."""
    held = [ticket.id for ticket in world.admission.held]
    holding = [state.ticket for state in world.runs.values() if state.ticket is not None]
    return (
        (world.rule.limit is None or len(held) <= world.rule.limit) and set(holding) <= set(held) and len(held) == len(set(held))
    )


def no_more_are_admitted_than_the_rate(world: "World") -> bool:
    """In any window of the clock, as many are admitted as the rule allows."""
    if world.rule.rate is None:
        return True
    times = sorted(time for time, _ in world.admitted)
    return all(late - early >= world.rule.window for early, late in zip(times, times[world.rule.rate :], strict=False))


def no_slot_is_lost(world: "World") -> bool:
    """Each slot belongs to a run that holds it, or is about to learn that it does."""
    coming = {arrival.key for inbox in world.inbox.values() for arrival in inbox}
    return all(
        world.runs[ticket.id.partition("/")[0]].ticket == ticket.id or ticket.id in coming for ticket in world.admission.held
    )


def the_children_of_an_ended_run_end(world: "World") -> bool:
    """No child works on for a parent that has ended."""
    return all(
        state.parent is None or world.runs[state.parent].status not in TERMINAL or state.status in ENDS | {"cancelling"}
        for state in world.runs.values()
    )


def a_parent_is_notified_once(world: "World") -> bool:
    """The end of each child is sent once."""
    return all(
        world.notified[run] == (state.parent is not None and state.status in TERMINAL) for run, state in world.runs.items()
    )


# Of the end, when nobody has interfered for long.


def every_run_ends(world: "World") -> bool:
    """Nothing waits forever: no wake-up is lost."""
    return all(state.status in TERMINAL for state in world.runs.values())


def every_slot_is_released(world: "World") -> bool:
    """Nobody holds or awaits a slot."""
    return not world.admission.held and not world.admission.queued


def a_run_that_succeeds_has_done_everything(world: "World") -> bool:
    """Each step of a run that succeeded did so, by an attempt or by what a person knew."""
    return all(
        state.status != "succeeded" or _has_succeeded(state, step.path)
        for run, state in world.runs.items()
        for step in world.programs[run]
        if isinstance(step, Do)
    )


def _has_succeeded(state: State, path: str) -> bool:
    step = state.steps.get(path)
    return step is not None and step.outcome is not None and step.outcome.status == "succeeded" and step.outcome.ref is not None


OF_THE_WORLD = (
    a_step_has_its_effect_once,
    one_worker_has_a_run,
    no_more_are_admitted_than_the_limit,
    no_more_are_admitted_than_the_rate,
    no_slot_is_lost,
    the_children_of_an_ended_run_end,
    a_parent_is_notified_once,
)
OF_THE_END = (every_run_ends, every_slot_is_released, a_run_that_succeeds_has_done_everything)


def check_change(world: "World", change: Change) -> None:
    """Raises Violation where a change breaks an invariant."""
    for invariant in OF_CHANGES:
        if not invariant(world, change):
            raise Violation(invariant.__name__, change)


def check_world(world: "World") -> None:
    """Raises Violation where the world does."""
    for invariant in OF_THE_WORLD:
        if not invariant(world):
            raise Violation(invariant.__name__, world.log[-1])


def check_end(world: "World") -> None:
    """Raises Violation where the end of the world does."""
    for invariant in OF_THE_END:
        if not invariant(world):
            raise Violation(invariant.__name__, {run: state.status for run, state in world.runs.items()})
