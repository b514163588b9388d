"""Lives of runs from one seed: what goes right and what goes wrong in a world, and then a quiet time in which every run has to end."""

import random
from collections.abc import Sequence

from aasim_plugins.executions.kernel import events
from aasim_plugins.executions.kernel.slots import Rule
from aasim_plugins.executions.kernel.state import AT_WORK, TERMINAL, Arrival, Outcome, Slot, State, Wait

from ..faults import Kernel
from .change import Violation
from .contention import contend
from .invariants import check_end, check_world
from .worker import Worker
from .world import Job, World

#: After so many lost workers, the queue gives a job up.
CRASHES_UNTIL_DEAD = 3
#: How many things happen before the world becomes quiet.
ACTIONS = 60
#: A world in which more happens than this goes round in circles.
LONGEST = 3000
_RULES = (
    Rule(limit=1),
    Rule(limit=2, policy="latest_only"),
    Rule(limit=1, policy="cancel_oldest"),
    Rule(limit=1, policy="cancel_newest"),
    Rule(limit=1, policy="queue", longest=1),
    Rule(limit=2, rate=2, window=40),
    Rule(rate=1, window=25),
    Rule(limit=1, policy="refuse"),
)

# What happens by itself, or because somebody wants it. Each returns whether it could happen.


def claim(world: World) -> bool:
    """A worker takes a job that is ready."""
    return _claim(world, [job for job in world.jobs.values() if not job.is_done and job.holder is None])


def deliver_again(world: World) -> bool:
    """A lease runs out while its worker is still at work, which does not know; or a job comes again that was done."""
    return _claim(world, [job for job in world.jobs.values() if job.holder is not None or job.is_done])


def _claim(world: World, jobs: Sequence[Job]) -> bool:
    if not jobs:
        return False
    job = world.random.choice(jobs)
    rejected = world.apply(job.run, events.Claimed(job.number))
    state = world.runs[job.run]
    if rejected or state.status != "running":
        job.is_done, job.holder = True, None
    else:
        job.holder = Worker(job.run, state.turn, job.number)
        world.workers.append(job.holder)
    return True


def work(world: World) -> bool:
    """A worker takes its next small step."""
    if not world.workers:
        return False
    worker = world.random.choice(world.workers)
    if not (worker.work(world) if world.random.random() < 0.98 else worker.leave(world)):
        dismiss(world, worker)
    return True


def dismiss(world: World, worker: Worker) -> None:
    """The worker has let its run go; its job is done, if it is still the one that has it."""
    world.workers.remove(worker)
    job = world.jobs[worker.run, worker.job]
    if job.holder is worker:
        job.is_done, job.holder = True, None


def crash(world: World) -> bool:
    """A worker dies; the queue finds out, and delivers its job again or gives it up."""
    if not world.workers:
        return False
    worker = world.workers.pop(world.random.randrange(len(world.workers)))
    job = world.jobs[worker.run, worker.job]
    if job.holder is not worker:
        return True
    job.holder, job.crashes = None, job.crashes + 1
    if job.crashes >= CRASHES_UNTIL_DEAD:
        job.is_done = True
        world.apply(job.run, events.JobDied(job.number, "crashed"))
    return True


def deliver(world: World) -> bool:
    """Some of what came for a run is delivered, in any order, and perhaps once more later."""
    waiting = [run for run, inbox in world.inbox.items() if inbox]
    if not waiting:
        return False
    run = world.random.choice(waiting)
    some = world.random.sample(world.inbox[run], world.random.randint(1, len(world.inbox[run])))
    again = [arrival for arrival in some if world.random.random() < 0.1]
    world.inbox[run] = [arrival for arrival in world.inbox[run] if arrival not in some] + again
    world.apply(run, events.Delivered(tuple(some)))
    return True


def tick(world: World) -> bool:
    """The time of a run is looked at, perhaps before anything is due."""
    run = world.random.choice(list(world.runs))
    world.apply(run, events.Tick(world.clock))
    return True


def pass_time(world: World) -> bool:
    """Time goes on; a clock may go back."""
    world.now += world.random.randint(1, 20)
    world.skew = world.random.choice((0, 0, 0, -15, 10))
    _refresh(world)
    return True


def _refresh(world: World) -> None:
    world.settle_admission(world.kernel.refresh(world.admission, world.rule, world.clock))
    world.settle()


def answer(world: World) -> bool:
    """Somebody does what a run waits for, or sends it what it may wait for one day."""
    for (run, _), wait in world.random.sample(sorted(world.open.items(), key=repr), min(1, len(world.open))):
        supply(world, run, wait)
    return True


def supply(world: World, run: str, wait: Wait) -> None:
    """Let the thing arrive that ends the wait, where somebody outside can."""
    if wait.kind in ("approval", "signal", "input", "missing", "event"):
        outcome = Outcome("succeeded" if world.random.random() < 0.9 else "failed", "answer")
        arrival = Arrival(world.new_id("arrival"), wait.kind, wait.correlation, world.clock, outcome)
        world.inbox[run] += [arrival] * world.random.choice((1, 1, 2))
        world.past += [arrival] if wait.kind == "event" else []
        world.supplied |= {wait.correlation} if wait.kind == "missing" else set()


def surprise(world: World) -> bool:
    """A signal or an event comes for a run that may not wait for it yet."""
    run, kind = world.random.choice(list(world.runs)), world.random.choice(("signal", "event"))
    supply(world, run, Wait(kind, "go"))  # type: ignore[arg-type]
    return True


def interfere(world: World) -> bool:
    """Somebody cancels, pauses or resumes a run, most often one at work."""
    at_work = [run for run, state in world.runs.items() if state.status in AT_WORK]
    run = world.random.choice(at_work or list(world.runs))
    cancel = events.Cancel(world.clock, f"person at {world.now}")
    world.apply(run, world.random.choice((cancel, events.Pause(), events.Pause(), events.Resume(), events.Resume())))
    return True


def quiesce(world: World) -> bool:
    """One round without faults: everybody does what they can, and nobody interferes. False when nothing is left to do."""
    world.now, world.skew = world.now + 20, 0
    for run, state in list(world.runs.items()):
        world.apply(run, events.Resume())
        due = world.kernel.next_tick(state)
        if due is not None and due <= world.clock:
            world.apply(run, events.Tick(world.clock))
    for (run, _), wait in list(world.open.items()):
        supply(world, run, wait)
    _refresh(world)
    while deliver(world) or claim(world) or work(world):
        check_world(world)
        if len(world.log) > LONGEST:
            raise Violation("a_world_comes_to_rest", world.log[-1])
    return any(state.status not in TERMINAL for state in world.runs.values())


def simulate(seed: int, kernel: Kernel) -> World:
    """Let a world live from its seed to its end. Raises `Violation` as soon as an invariant does not hold."""
    contend(seed, kernel)
    chance = random.Random(seed)  # noqa: S311 - the seed is what makes it replayable
    world = World(kernel, chance, chance.choice(_RULES))
    _populate(world)
    actions = (
        [work] * 10 + [claim] * 4 + [deliver] * 4 + [tick] * 2 + [pass_time] * 2 + [answer] * 2
        + [crash, deliver_again, surprise] + [interfere] * 2
    )  # fmt: skip
    for _ in range(ACTIONS):
        chance.choice(actions)(world)
        check_world(world)
    for _ in range(40):
        if not quiesce(world):
            break
    check_end(world)
    return world


def _populate(world: World) -> None:
    chance = world.random
    for _ in range(chance.randint(2, 4)):
        slot = chance.choice((None, Slot("key", "run"), Slot("key", "turn")))
        deadline = chance.choice((None, None, 160, 250))
        run_at = chance.choice((None, None, None, 115))
        world.start(State(world.new_id(chance.choice("ab")), slot=slot, deadline=deadline, grace=5), run_at)
