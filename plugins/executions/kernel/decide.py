"""Decide an event: the run's new state, and the commands that follow. The same state and event always give the same result."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import commands, events
from .commands import Command
from .events import Event
from .state import AT_WORK, RUN, TERMINAL, Arrival, Outcome, State, Step, Wait

Decision = tuple[State, tuple[Command, ...]]


def start(existing: State | None, event: events.Start) -> Decision:
    """Begin a run, unless one has the same key."""
    if existing is not None:
        return (existing, ()) if event.on_duplicate == "return" else _reject(existing, "duplicate_key")
    if event.run_at is None:
        return _rest(event.run)
    return _open_wait(event.run._replace(status="waiting"), RUN, Wait("timer", deadline=event.run_at))


def decide(state: State, event: Event) -> Decision:
    """The run after the event. An event that does not apply changes nothing, and is answered by `Reject` alone."""
    if isinstance(event, events.FromWorker) and (state.status not in AT_WORK or event.turn != state.turn):
        return _reject(state, "lease_lost")
    handlers = _AFTER_THE_END if state.status in TERMINAL else _HANDLERS
    handle = handlers.get(type(event))
    return _reject(state, "invalid_state") if handle is None else handle(state, event)


def _reject(state: State, reason: str) -> Decision:
    return state, (commands.Reject(reason),)


# Turns.


def _claimed(state: State, event: events.Claimed) -> Decision:
    if not _is_current(state, event.job):
        return _reject(state, "stale_job")
    if state.ending is not None:
        return _end(state, state.ending)
    if state.is_paused:
        return _rest(state._replace(is_woken=True))
    return state._replace(status="running", turn=state.turn + 1, is_woken=False), ()


def _job_died(state: State, event: events.JobDied) -> Decision:
    if not _is_current(state, event.job):
        return _reject(state, "stale_job")
    return _end(state, state.ending or Outcome("failed", event.error))


def _is_current(state: State, job: int) -> bool:
    return job == state.job and state.status in ("queued", *AT_WORK)


def _turn_ended(state: State, event: events.TurnEnded) -> Decision:
    if state.ending is not None:
        return _end(state, state.ending)
    return _rest(state._replace(is_woken=state.is_woken or event.has_more))


def _run_ended(state: State, event: events.RunEnded) -> Decision:
    """A cancel that came first wins."""
    return _end(state, state.ending or event.outcome)


def _rest(state: State) -> Decision:
    """Where a run stands while no worker has it."""
    if state.is_paused:
        return _yield_slot(state._replace(status="paused"))
    if any(wait.kind == "missing" for wait in state.waits.values()):
        return _yield_slot(state._replace(status="blocked"))
    if state.is_woken or not state.waits:
        return _queue(state)
    return _yield_slot(state._replace(status="waiting"))


def _yield_slot(state: State) -> Decision:
    """Withdraw the request for an admission, and release a slot that is held for turns only."""
    request = state.waits.get(RUN)
    if request is not None and request.kind == "admission":
        return _without_wait(state, RUN), (commands.CloseWait(RUN, request),)
    is_for_turns = state.slot is not None and state.slot.hold == "turn"
    if not is_for_turns or state.ticket is None:
        return state, ()
    return state._replace(ticket=None), (commands.Release(state.ticket),)


def _queue(state: State) -> Decision:
    """Make a new job, and all earlier ones stale; a run that needs an admission waits for it first."""
    queued = state._replace(status="queued", job=state.job + 1)
    if state.slot is None or state.ticket is not None:
        return queued, (commands.Enqueue(queued.job),)
    return _open_wait(queued, RUN, Wait("admission", f"{queued.id}/{queued.job}"))


# Steps.


def _step_started(state: State, event: events.StepStarted) -> Decision:
    step = state.steps.get(event.path)
    if step is not None and step.outcome is not None:
        return state, (commands.Replay(event.path, step.outcome),)
    if state.ending is not None or state.is_paused:
        return _reject(state, "stopping")
    if event.path in state.waits:
        return _reject(state, "waiting")
    return _attempt(state, event.path, 1) if step is None else _started_before(state, event, step)


def _started_before(state: State, event: events.StepStarted, step: Step) -> Decision:
    if step.status == "started" and step.turn == state.turn:  # the same event a second time
        return state, (commands.Perform(event.path, step.attempt),)
    if step.status == "retrying" or event.is_repeatable:
        return _attempt(state, event.path, step.attempt + 1)
    return _reject(state, "unknown_outcome")


def _attempt(state: State, path: str, attempt: int) -> Decision:
    return _with_step(state, path, Step("started", attempt, state.turn)), (commands.Perform(path, attempt),)


def _step_ended(state: State, event: events.StepEnded) -> Decision:
    step = state.steps.get(event.path, Step("started", 1, state.turn))
    if step.status != "started" or step.turn != state.turn or event.path in state.waits:
        return _reject(state, "not_open")
    if event.retry_at is None or state.ending is not None:
        return _with_step(state, event.path, replace(step, status="ended", outcome=event.outcome)), ()
    state = _with_step(state, event.path, replace(step, status="retrying"))
    return _open_wait(state, event.path, Wait("timer", deadline=event.retry_at))


def _with_step(state: State, path: str, step: Step) -> State:
    return state._replace(steps={**state.steps, path: step})


# Waits.


def _wait_registered(state: State, event: events.WaitRegistered) -> Decision:
    step = state.steps.get(event.path)
    if step is not None and step.outcome is not None:
        return state, (commands.Replay(event.path, step.outcome),)
    if state.ending is not None:
        return _reject(state, "stopping")
    if event.path in state.waits:
        return (state, ()) if state.waits[event.path] == event.wait else _reject(state, "waiting")
    opened, follow = _open_wait(state, event.path, event.wait)
    early = next((arrival for arrival in state.arrivals if _is_for(arrival, event.wait)), None)
    if early is None:
        return opened, follow
    kept = tuple(arrival for arrival in state.arrivals if arrival is not early)
    return _end_wait(opened._replace(arrivals=kept), event.path, early.outcome, early.at)


def _wait_withdrawn(state: State, event: events.WaitWithdrawn) -> Decision:
    wait = state.waits.get(event.path)
    return (state, ()) if wait is None else (_without_wait(state, event.path), (commands.CloseWait(event.path, wait),))


def _open_wait(state: State, path: str, wait: Wait) -> Decision:
    return state._replace(waits={**state.waits, path: wait}), (commands.OpenWait(path, wait),)


def _without_wait(state: State, path: str) -> State:
    return state._replace(waits={other: wait for other, wait in state.waits.items() if other != path})


def _is_for(arrival: Arrival, wait: Wait) -> bool:
    return arrival.kind == wait.kind and arrival.correlation == wait.correlation and arrival.at >= wait.since


def _delivered(state: State, event: events.Delivered) -> Decision:
    """Each arrival ends the wait that it is for, or is stored for a later wait; the run is woken once for all."""
    follow: tuple[Command, ...] = ()
    for arrival in event.arrivals:
        if arrival.key not in state.seen:
            state, more = _take(state._replace(seen=state.seen | {arrival.key}), arrival)
            follow += more
    state, more = _wake(state)
    return state, follow + more


def _take(state: State, arrival: Arrival) -> Decision:
    path = next((path for path, wait in state.waits.items() if _is_for(arrival, wait)), None)
    if path is not None:
        return _end_wait(state, path, arrival.outcome, arrival.at)
    if arrival.kind == "admission":  # of an earlier request
        return state, (commands.Release(arrival.correlation),)
    return state._replace(arrivals=(*state.arrivals, arrival)), ()


def _end_wait(state: State, path: str, outcome: Outcome, at: int) -> Decision:
    wait, step = state.waits[path], state.steps.get(path, Step("started", 1, state.turn))
    state = _without_wait(state, path)._replace(is_woken=True)
    if wait.kind == "admission":
        return state._replace(ticket=wait.correlation), (commands.Enqueue(state.job),)
    if path != RUN and not _has_no_outcome(wait, step, outcome):
        state = _with_step(state, path, replace(step, status="ended", outcome=outcome))
    if wait.fails_run and outcome.status != "succeeded":
        return _stop(state, Outcome("failed", outcome.ref), at)
    return state, ()


def _has_no_outcome(wait: Wait, step: Step, outcome: Outcome) -> bool:
    """Whether the wait ends without an outcome of the step: its next attempt is due, or the missing thing is there."""
    is_there = wait.kind == "missing" and outcome.status == "succeeded"
    return is_there or (wait.kind == "timer" and step.status == "retrying")


def _wake(state: State) -> Decision:
    return _rest(state) if state.status in ("waiting", "blocked") else (state, ())


def _tick(state: State, event: events.Tick) -> Decision:
    if state.ending is not None:
        return _end(state, state.ending) if state.stop_by <= event.at else (state, ())
    if state.deadline is not None and state.deadline <= event.at:
        return _stop(state, Outcome("timed_out"), event.at)
    follow: tuple[Command, ...] = ()
    for path, wait in state.waits.items():
        if path in state.waits and wait.deadline is not None and wait.deadline <= event.at:
            state, more = _expire(state, path, wait, event.at)
            follow += more
    state, more = _wake(state)
    return state, follow + more


def _expire(state: State, path: str, wait: Wait, at: int) -> Decision:
    if wait.kind == "timer":
        return _end_wait(state, path, Outcome("succeeded"), at)
    state, follow = _end_wait(state, path, Outcome("timed_out"), at)
    return state, (commands.CloseWait(path, wait), *follow)


# Ends.


def _stop(state: State, outcome: Outcome, at: int) -> Decision:
    """End the run: at once where no worker has it, else when the worker releases it. The first reason wins."""
    if state.status not in AT_WORK:
        return _end(state, outcome)
    if state.ending is not None:
        return state, ()
    return state._replace(status="cancelling", ending=outcome, stop_by=at + state.grace, waits={}), _closed(state)


def _end(state: State, outcome: Outcome) -> Decision:
    released = () if state.ticket is None else (commands.Release(state.ticket),)
    notified = () if state.parent is None else (commands.Notify(state.parent, outcome),)
    ended = state._replace(status=outcome.status, outcome=outcome, ending=None, ticket=None, waits={}, is_woken=False)
    return ended, (*_closed(state), *released, *notified)


def _closed(state: State) -> tuple[Command, ...]:
    return tuple(commands.CloseWait(path, wait) for path, wait in state.waits.items())


def _pause(state: State, _: events.Pause) -> Decision:
    """A run at work is paused when its worker releases it; a queued run is paused at once."""
    if state.ending is not None:
        return _reject(state, "stopping")
    paused = state._replace(is_paused=True)
    return (paused, ()) if state.status == "running" else _rest(paused)


def _resume(state: State, _: events.Resume) -> Decision:
    resumed = state._replace(is_paused=False)
    return _rest(resumed) if state.status == "paused" else (resumed, ())


def _too_late(state: State, event: events.Delivered) -> Decision:
    return state, tuple(commands.Release(arrival.correlation) for arrival in event.arrivals if arrival.kind == "admission")


_HANDLERS: Mapping[type, Callable[[State, Any], Decision]] = {
    events.Claimed: _claimed,
    events.JobDied: _job_died,
    events.StepStarted: _step_started,
    events.StepEnded: _step_ended,
    events.WaitRegistered: _wait_registered,
    events.WaitWithdrawn: _wait_withdrawn,
    events.TurnEnded: _turn_ended,
    events.RunEnded: _run_ended,
    events.Delivered: _delivered,
    events.Tick: _tick,
    events.Cancel: lambda state, event: _stop(state, Outcome("cancelled", event.reason), event.at),
    events.Pause: _pause,
    events.Resume: _resume,
    events.Woken: lambda state, _: _wake(state._replace(is_woken=True)),
}
_AFTER_THE_END: Mapping[type, Callable[[State, Any], Decision]] = {
    events.Delivered: _too_late,
    events.Tick: lambda state, _: (state, ()),
    events.Cancel: lambda state, _: (state, ()) if state.status == "cancelled" else _reject(state, "invalid_state"),
}
