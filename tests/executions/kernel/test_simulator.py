"""Whole lives of runs, from seeds: no invariant is broken, and where a rule of the kernel is wrong, one is."""

import time

import pytest

from .faults import FAULTS, Fault, kernel
from .simulation.change import Violation
from .simulation.simulator import simulate
from .simulation.world import World

#: How many seeds each run tries, how many a test, and how many at most until a planted fault is found.
SEEDS, AT_ONCE, ENOUGH = 200, 50, 300
#: How long the long run goes on with other seeds.
LONG_SECONDS = 30


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_invariant_holds(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        _simulate(seed)


@pytest.mark.long
def test_every_invariant_holds_for_a_while() -> None:
    until, seed = time.monotonic() + LONG_SECONDS, SEEDS
    while time.monotonic() < until:
        _simulate(seed)
        seed += 1


def _simulate(seed: int) -> World:
    """Simulate the seed; a violation names it."""
    try:
        return simulate(seed, kernel())
    except Violation as violation:
        violation.add_note(f"seed {seed}")
        raise


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found_and_replayed_from_its_seed(fault: Fault) -> None:
    broken = kernel(fault)
    seed, found = next(((seed, found) for seed in range(ENOUGH) if (found := _violation(seed, broken))), (None, None))
    assert found is not None, f"every invariant holds where {fault.name}"
    assert _violation(seed, broken) == found


def _violation(seed: int | None, broken: object) -> str | None:
    """Which invariant does not hold, and why; None where all hold."""
    try:
        simulate(seed, broken)  # type: ignore[arg-type]
    except Violation as violation:
        return str(violation)
    return None


def test_a_seed_gives_the_same_events_again() -> None:
    assert _simulate(7).log == _simulate(7).log


@pytest.mark.long
def test_the_simulation_reaches_every_status_command_and_rejection() -> None:
    changes = [change for seed in range(AT_ONCE) for _, change in _simulate(seed).log]
    commands = [command for change in changes for command in change.commands]
    assert {change.after.status for change in changes} == {
        "queued", "running", "waiting", "paused", "blocked", "cancelling", "succeeded", "failed", "cancelled", "timed_out",
    }  # fmt: skip
    assert {type(command).__name__ for command in commands} == {
        "Enqueue", "Perform", "Replay", "OpenWait", "CloseWait", "Release", "Notify", "Reject",
    }  # fmt: skip
    assert {getattr(command, "reason", None) for command in commands} >= {
        "lease_lost", "stale_job", "stopping", "waiting", "unknown_outcome", "invalid_state",
    }  # fmt: skip
