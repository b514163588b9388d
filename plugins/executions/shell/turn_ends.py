"""Exceptions that end a turn before its run ends: a wait, a retry, a cancellation, or a failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from aasim_core import PluginFault

from ..kernel.state import Wait

if TYPE_CHECKING:
    from aasim_core.errors import Refused


#: How soon, in seconds, a run looks again for something that is off or not connected.
LOOK_AGAIN_SECONDS = 30.0


def _nothing() -> None:
    """There is nothing more to write."""


def _not_yet() -> bool:
    return False


class TurnEnds(Exception):
    """Raised in a run to end its turn; see the kinds of it."""


class CancelRequested(TurnEnds):
    """Somebody asked for the end of the run."""


class TimedOut(TurnEnds):
    """The run used up its time."""


class Interrupted(TurnEnds):
    """The worker stops; the run continues elsewhere, from its last finished step."""


class RunPauses(TurnEnds):
    """Raised by a runner, or within a step, to wait for ``approval``, ``execution`` or ``event`` without holding a thread.

    `service.resume` continues the run: the runner starts from its beginning, and so does the unfinished step. `enter` is called in the
    transaction that makes the run wait, so that its writes exist if and only if the run waits. `is_over`, called last in that transaction,
    returns whether the awaited thing has happened meanwhile; then the run continues at once. For an approval or an execution, `awaited_id`
    is the id; the end of a child execution continues the run automatically.
    """

    def __init__(
        self,
        waiting_for: Literal["approval", "execution", "event"],
        enter: Callable[[], object] = _nothing,
        is_over: Callable[[], bool] = _not_yet,
        *,
        awaited_id: str = "",
    ) -> None:
        super().__init__(waiting_for)
        self.waiting_for, self.enter, self.is_over = waiting_for, enter, is_over
        self.wait = Wait("child" if waiting_for == "execution" else waiting_for, awaited_id)


class RunWaits(TurnEnds):
    """The run waits for what some path of it waits for."""


class RunFailed(TurnEnds):
    """The run has failed: `code` for programs, `message` for people, `meta` with facts; `retryable` if a new run may succeed."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, meta: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.retryable, self.meta = code, message, retryable, meta

    @classmethod
    def by(cls, refused: Refused) -> RunFailed:
        """The failure of a run that was refused something, such as the call of an engine; but for a fault, that may pass."""
        [[problem, *_], *_] = refused.problems.values()
        return cls(refused.code, refused.message, retryable=not isinstance(refused, PluginFault), meta=problem.meta)


class RunLater(TurnEnds):
    """The run is retried after `seconds`, from the last finished step; `reason` goes into its log.

    Where it waits for something to be there, `missing` names that, such as ``plugin:shed``: the run is blocked meanwhile.
    """

    def __init__(self, seconds: float, reason: str, *, missing: str | None = None) -> None:
        super().__init__(reason)
        self.seconds, self.reason, self.missing = seconds, reason, missing
