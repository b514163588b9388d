"""The commands that a decision returns, besides the new state."""

from dataclasses import dataclass

from .state import Outcome, Wait


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Queue a job that claims the run under this number."""

    job: int


@dataclass(frozen=True, slots=True)
class Perform:
    """The worker performs the step now. The attempt is no part of an idempotency key."""

    path: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The step has ended before, with this outcome."""

    path: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class OpenWait:
    """Start the path's wait: request the approval, start the child, request admission, subscribe to the event."""

    path: str
    wait: Wait


@dataclass(frozen=True, slots=True)
class CloseWait:
    """The wait is over before its end: close the approval, cancel the child, leave the queue, unsubscribe."""

    path: str
    wait: Wait


@dataclass(frozen=True, slots=True)
class Release:
    """Give the admission back."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Notify:
    """Put the end of this run into its parent's inbox."""

    parent: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Reject:
    """The event changes nothing.

    ``lease_lost``: the worker's turn is over. ``stale_job``: the run does not expect the job. ``stopping``: the run starts nothing any
    more; end the turn. ``waiting``: the path has a wait. ``not_open``: no attempt of this turn is open. ``unknown_outcome``: an earlier
    attempt may have had its effect; ask a person, or fail. ``duplicate_key``: the key is taken. ``invalid_state``: the run has ended.
    """

    reason: str


Command = Enqueue | Perform | Replay | OpenWait | CloseWait | Release | Notify | Reject
