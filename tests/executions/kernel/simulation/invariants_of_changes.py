"""What holds of each change of a run. The docstrings say what is promised."""

from typing import TYPE_CHECKING, Any

from aasim_plugins.executions.kernel import commands, events
from aasim_plugins.executions.kernel.state import AT_WORK, RUN, TERMINAL

from .change import Change

if TYPE_CHECKING:
    from .world import World

ENDS = frozenset(TERMINAL)
#: Which status may follow which.
TRANSITIONS = {
    None: {"queued", "waiting"},
    "queued": {"running", "paused", *ENDS},
    "running": {"queued", "waiting", "paused", "blocked", "cancelling", *ENDS},
    "waiting": {"queued", "paused", *ENDS},
    "paused": {"queued", "waiting", "blocked", *ENDS},
    "blocked": {"queued", "waiting", "paused", *ENDS},
    "cancelling": ENDS,
}


def a_run_ends_once(_: "World", change: Change) -> bool:
    """A run that has ended stays as it ended."""
    return change.known.status not in TERMINAL or change.after == change.known


def a_status_follows_another_as_the_table_says(_: "World", change: Change) -> bool:
    """There are no other transitions than those of the table."""
    before = change.before.status if change.before else None
    return change.after.status == before or change.after.status in TRANSITIONS[before]


def an_outcome_is_never_lost_or_changed(_: "World", change: Change) -> bool:
    """What a step has come to stays; an attempt has a number above the one before."""
    for path, step in change.known.steps.items():
        after = change.after.steps.get(path)
        if after is None or after.attempt < step.attempt or (step.outcome is not None and after != step):
            return False
    return True


def an_accepted_outcome_is_recorded(_: "World", change: Change) -> bool:
    """A worker that is not rejected finds its outcome in the run, or its next attempt due."""
    if not isinstance(change.event, events.StepEnded) or change.has(commands.Reject):
        return True
    step = change.after.steps.get(change.event.path)
    is_due = change.event.retry_at is not None and change.event.path in change.after.waits
    return step is not None and (step.outcome == change.event.outcome or is_due)


def only_the_worker_of_the_turn_writes(_: "World", change: Change) -> bool:
    """A worker whose lease is lost is rejected, and changes nothing."""
    is_late = isinstance(change.event, events.FromWorker) and (
        change.event.turn != change.known.turn or change.known.status not in AT_WORK
    )
    return not is_late or (change.after == change.known and change.has(commands.Reject))


def a_run_that_is_to_stop_starts_nothing(_: "World", change: Change) -> bool:
    """Nothing begins in a run that is cancelled, paused or over, nor at a path that waits."""
    for command in change.commands:
        if isinstance(command, commands.Perform) and (
            change.after.status != "running" or change.after.is_paused or command.path in change.after.waits
        ):
            return False
    return True


def a_step_that_has_ended_is_not_performed(_: "World", change: Change) -> bool:
    """A step with an outcome is replayed."""
    return not any(
        isinstance(command, commands.Perform) and change.after.steps[command.path].outcome is not None
        for command in change.commands
    )


def an_ended_run_has_nothing_open(world: "World", change: Change) -> bool:
    """No wait, no admission and nothing outside is left of a run that has ended."""
    if change.after.status not in TERMINAL:
        return True
    is_open = any(run == change.run for run, _ in world.open)
    return not (change.after.waits or change.after.ticket or change.after.ending or is_open)


def a_waiting_run_waits_for_something(world: "World", change: Change) -> bool:
    """A run that waits has a wait that is open outside or has a time, and nothing to do meanwhile."""
    if change.after.status != "waiting":
        return True
    is_endable = any(wait.deadline is not None or (change.run, path) in world.open for path, wait in change.after.waits.items())
    return is_endable and not change.after.is_woken


def a_waiting_run_has_seen_everything(world: "World", change: Change) -> bool:
    """No run waits on with an outcome that none of its turns has seen."""
    return change.after.status != "waiting" or change.run not in world.unseen


def an_interrupted_run_goes_on(_: "World", change: Change) -> bool:
    """A worker that has more to do, and stops, puts the run back into the queue, unless it is to stop too."""
    if not isinstance(change.event, events.TurnEnded) or change.has(commands.Reject) or not change.event.has_more:
        return True
    return change.after.status in ENDS | {"queued", "paused", "blocked"}


def a_run_at_rest_holds_no_slot_for_turns(_: "World", change: Change) -> bool:
    """While a run waits, the slot that it needs for its turns is free."""
    is_for_turns = change.after.slot is not None and change.after.slot.hold == "turn"
    return not (is_for_turns and change.after.status in ("waiting", "paused", "blocked") and change.after.ticket)


def the_next_tick_is_due_in_time(world: "World", change: Change) -> bool:
    """The run's row says when it is next looked at: at its first deadline, or at the end of its worker's grace."""
    after = change.after
    times = [time for time in (after.deadline, *(wait.deadline for wait in after.waits.values())) if time is not None]
    first = min(times, default=None) if after.ending is None else after.stop_by
    return world.kernel.next_tick(after) == (None if after.status in TERMINAL else first)


def a_blocked_run_misses_something(_: "World", change: Change) -> bool:
    """A run is blocked exactly as long as something that it needs is not there, and no worker has it."""
    misses = any(wait.kind == "missing" for wait in change.after.waits.values())
    return not (change.after.status == "blocked" and not misses) and not (change.after.status == "waiting" and misses)


def a_paused_run_is_not_at_rest_otherwise(_: "World", change: Change) -> bool:
    """A run that was paused is paused, as soon as no worker has it."""
    return change.after.status in (AT_WORK | TERMINAL) or change.after.is_paused == (change.after.status == "paused")


def a_queued_run_will_be_claimed(world: "World", change: Change) -> bool:
    """A queued run has its job in the queue, or asks for its admission."""
    if change.after.status != "queued":
        return True
    job = world.jobs.get((change.run, change.after.job))
    return RUN in change.after.waits or (job is not None and not job.is_done)


def a_run_at_work_has_its_job(world: "World", change: Change) -> bool:
    """The job of a run at work is not done, so that the queue delivers it again if the worker dies."""
    if change.after.status not in AT_WORK:
        return True
    job = world.jobs.get((change.run, change.after.job))
    return job is not None and not job.is_done


def a_run_at_work_is_admitted(world: "World", change: Change) -> bool:
    """A run that needs an admission holds one while a worker has it."""
    if change.after.status not in AT_WORK or change.after.slot is None:
        return True
    return change.after.ticket in {ticket.id for ticket in world.admission.held}


def an_arrival_counts_once(_: "World", change: Change) -> bool:
    """Each new arrival ends one wait, is kept, or gives a late admission back; one that was there before does nothing."""
    if (
        not isinstance(change.event, events.Delivered)
        or change.known.status in TERMINAL
        or change.after.status in ENDS | {"cancelling"}
    ):
        return True
    new = {arrival.key for arrival in change.event.arrivals} - change.known.seen
    asked = any(isinstance(command, commands.OpenWait) for command in change.commands)
    ended = len(change.known.waits) - len(change.after.waits) + asked
    kept = len(change.after.arrivals) - len(change.known.arrivals)
    late = sum(isinstance(command, commands.Release) and command.ticket != change.known.ticket for command in change.commands)
    return len(new) == ended + kept + late and new <= change.after.seen


def a_wait_is_ended_by_what_it_waits_for(_: "World", change: Change) -> bool:
    """What arrives ends a wait of its own kind and correlation, and not from before the time that counts."""
    if change.has(commands.Reject) or change.after.status in ENDS | {"cancelling"}:
        return True
    if not isinstance(change.event, events.Delivered | events.WaitRegistered):
        return True
    came = getattr(change.event, "arrivals", change.known.arrivals)
    waits = {
        **change.known.waits,
        **({change.event.path: change.event.wait} if isinstance(change.event, events.WaitRegistered) else {}),
    }
    return all(
        path in change.after.waits or path in change.known.steps or any(_fits(arrival, wait) for arrival in came)
        for path, wait in waits.items()
    )


def nothing_waits_for_what_is_there(_: "World", change: Change) -> bool:
    """No arrival is kept that a wait is for, and no admission, which would be held for nothing."""
    if any(arrival.kind == "admission" for arrival in change.after.arrivals):
        return False
    return not any(_fits(arrival, wait) for wait in change.after.waits.values() for arrival in change.after.arrivals)


def _fits(arrival: Any, wait: Any) -> bool:
    return (arrival.kind, arrival.correlation) == (wait.kind, wait.correlation) and bool(arrival.at >= wait.since)


def an_early_arrival_is_used_up(_: "World", change: Change) -> bool:
    """What ends a wait as it is registered ends no other one."""
    if not isinstance(change.event, events.WaitRegistered):
        return True
    new = len(change.after.steps) - len(change.known.steps)
    return new <= len(change.known.arrivals) - len(change.after.arrivals)


def a_run_is_woken_once(_: "World", change: Change) -> bool:
    """A run that is in the queue gets no second job."""
    is_new = change.before is None or change.before.status != "queued" or RUN in change.before.waits
    return is_new or not change.has(commands.Enqueue)


def a_worker_has_its_grace(_: "World", change: Change) -> bool:
    """Nobody ends a run under its worker before the grace is over."""
    if not isinstance(change.event, events.Cancel | events.Tick) or change.known.status not in AT_WORK:
        return True
    is_over = (
        change.known.ending is not None and isinstance(change.event, events.Tick) and change.event.at >= change.known.stop_by
    )
    return is_over or change.after.status in AT_WORK


def nothing_happens_before_its_time(_: "World", change: Change) -> bool:
    """A tick changes nothing before something is due, also where a clock goes back."""
    if not isinstance(change.event, events.Tick):
        return True
    times = [wait.deadline for wait in change.known.waits.values()]
    times += [change.known.deadline] if change.known.ending is None else [change.known.stop_by]
    is_due = any(time is not None and time <= change.event.at for time in times)
    return is_due or change.after == change.known


def what_is_due_happens(_: "World", change: Change) -> bool:
    """After a tick no wait and no run is beyond its time, unless its worker has its grace."""
    after = change.after
    if not isinstance(change.event, events.Tick) or after.status in TERMINAL:
        return True
    if after.status == "cancelling":
        return after.stop_by > change.event.at
    times = (after.deadline, *(wait.deadline for wait in after.waits.values()))
    return all(time is None or time > change.event.at for time in times)


def what_came_first_counts(_: "World", change: Change) -> bool:
    """A run that is to end ends by the first reason."""
    ending = change.known.ending
    return ending is None or (change.after.outcome or change.after.ending) == ending


def a_child_that_fails_its_parent_does(_: "World", change: Change) -> bool:
    """Where a wait fails the run, an outcome that is no success does."""
    for path, wait in change.known.waits.items():
        step = change.after.steps.get(path)
        is_failed = step is not None and step.outcome is not None and step.outcome.status != "succeeded"
        if wait.fails_run and is_failed and change.after.status not in ENDS | {"cancelling"}:
            return False
    return True


OF_CHANGES = (
    a_run_ends_once,
    a_status_follows_another_as_the_table_says,
    an_outcome_is_never_lost_or_changed,
    an_accepted_outcome_is_recorded,
    only_the_worker_of_the_turn_writes,
    a_run_that_is_to_stop_starts_nothing,
    a_step_that_has_ended_is_not_performed,
    an_ended_run_has_nothing_open,
    a_waiting_run_waits_for_something,
    a_waiting_run_has_seen_everything,
    an_interrupted_run_goes_on,
    a_run_at_rest_holds_no_slot_for_turns,
    the_next_tick_is_due_in_time,
    a_blocked_run_misses_something,
    a_paused_run_is_not_at_rest_otherwise,
    a_queued_run_will_be_claimed,
    a_run_at_work_has_its_job,
    a_run_at_work_is_admitted,
    an_arrival_counts_once,
    a_wait_is_ended_by_what_it_waits_for,
    nothing_waits_for_what_is_there,
    an_early_arrival_is_used_up,
    a_run_is_woken_once,
    a_worker_has_its_grace,
    nothing_happens_before_its_time,
    what_is_due_happens,
    what_came_first_counts,
    a_child_that_fails_its_parent_does,
)
