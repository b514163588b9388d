"""The state of a run: what is open in it. It holds references, never content.

Times are whole milliseconds of UTC since 1970. Irrelevant rows need not be loaded: of ended steps and of the keys of arrivals, only those
that the event names. So the size of a state does not grow with the run's history.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Ending = Literal["succeeded", "failed", "cancelled", "timed_out"]
Status = Literal["queued", "running", "waiting", "paused", "blocked", "cancelling", Ending]
WaitKind = Literal["approval", "timer", "child", "event", "signal", "input", "admission", "missing"]

#: A worker has the run.
AT_WORK: frozenset[Status] = frozenset({"running", "cancelling"})
TERMINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
#: The path of the run itself: of its start time and its admission.
RUN = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step, a wait or a run ended, and the reference of its result or error."""

    status: Ending
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `turn` is the one that started its last attempt.

    ``started``: the intent is written, the outcome is not; after its turn, whether it had its effect is unknown. ``retrying``: the
    attempt failed, another follows. ``ended``: it has its outcome, which never changes.
    """

    status: Literal["started", "retrying", "ended"]
    attempt: int
    turn: int
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What a path waits for: the arrival of this kind and correlation, not from before `since`, until the `deadline`.

    A timer ends at its deadline; anything else has timed out then. With `fails_run`, an outcome that is no success fails the run.
    """

    kind: WaitKind
    correlation: str = ""
    since: int = 0
    deadline: int | None = None
    fails_run: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A decision, a child's end, an event, a signal, an input or an admission, sent to the run. `key` deduplicates."""

    key: str
    kind: WaitKind
    correlation: str
    at: int
    outcome: Outcome = Outcome("succeeded")


@dataclass(frozen=True, slots=True)
class Slot:
    """The admission that the run needs: held for the whole ``run``, or for each ``turn``, and given back while the run waits."""

    key: str
    hold: Literal["run", "turn"] = "run"


#: Nobody changes what a state holds.
_NONE: Mapping[str, Any] = {}


class State(NamedTuple):
    """One run. `job` is the number of its last job, `turn` of its last turn: what comes with another number is stale.

    `ticket` names the slot that it holds. `is_woken`: a wait has ended that no turn has seen. `ending`: how the run ends when its worker
    releases it, at the latest at `stop_by`. `arrivals` have come before their wait; `seen` are the keys of all arrivals.
    """

    id: str
    status: Status = "queued"
    job: int = 0
    turn: int = 0
    parent: str | None = None
    slot: Slot | None = None
    ticket: str | None = None
    deadline: int | None = None
    grace: int = 8_000
    stop_by: int = 0
    ending: Outcome | None = None
    is_paused: bool = False
    is_woken: bool = False
    outcome: Outcome | None = None
    steps: Mapping[str, Step] = _NONE
    waits: Mapping[str, Wait] = _NONE
    arrivals: tuple[Arrival, ...] = ()
    seen: frozenset[str] = frozenset()


def next_due(state: State) -> int | None:
    """When the run needs its next `Tick`; None for never."""
    if state.status in TERMINAL:
        return None
    if state.ending is not None:
        return state.stop_by
    times = [state.deadline, *[wait.deadline for wait in state.waits.values()]]
    return min([time for time in times if time is not None], default=None)
