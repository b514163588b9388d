"""The events of a run."""

from dataclasses import dataclass
from typing import Literal

from .state import Arrival, Outcome, State, Wait


@dataclass(frozen=True, slots=True)
class Start:
    """The run is to begin, not before `run_at`. Where its key is taken, the run that has it is returned, or the start is refused."""

    run: State
    run_at: int | None = None
    on_duplicate: Literal["return", "refuse"] = "return"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A worker has claimed the job of that number: for the first time, or after another worker lost it."""

    job: int


@dataclass(frozen=True, slots=True)
class JobDied:
    """The queue has given up the job; `error` is the reference of the reason."""

    job: int
    error: str


@dataclass(frozen=True, slots=True)
class FromWorker:
    """An event from the worker of that turn. A worker whose turn is over has lost its lease."""

    turn: int


@dataclass(frozen=True, slots=True)
class StepStarted(FromWorker):
    """The intent of an attempt, before its effect. `is_repeatable`: a second attempt does no harm."""

    path: str
    is_repeatable: bool = False


@dataclass(frozen=True, slots=True)
class StepEnded(FromWorker):
    """The outcome of an attempt, which is the step's unless another attempt follows at `retry_at`.

    A step without an effect needs no intent before.
    """

    path: str
    outcome: Outcome
    retry_at: int | None = None


@dataclass(frozen=True, slots=True)
class WaitRegistered(FromWorker):
    """The path waits; the wait of a child also starts it."""

    path: str
    wait: Wait


@dataclass(frozen=True, slots=True)
class WaitWithdrawn(FromWorker):
    """The path does not wait any more; what it waited for is closed, and so has no outcome."""

    path: str


@dataclass(frozen=True, slots=True)
class TurnEnded(FromWorker):
    """The worker releases the run: it has done what can be done now, or, with `has_more`, was interrupted."""

    has_more: bool = False


@dataclass(frozen=True, slots=True)
class RunEnded(FromWorker):
    """The run has succeeded, or cannot continue."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Delivered:
    """The arrivals since the last delivery."""

    arrivals: tuple[Arrival, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """The time is `at`."""

    at: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """The run is to end; `reason` is a reference."""

    at: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """The run is to start nothing until it is resumed; its deadlines stay."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The run continues."""


@dataclass(frozen=True, slots=True)
class Woken:
    """There is something to do for a run that waits, though nothing has come that it waits for."""


Event = Claimed | JobDied | FromWorker | Delivered | Tick | Cancel | Pause | Resume | Woken
