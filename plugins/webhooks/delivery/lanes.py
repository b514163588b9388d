"""Limit concurrent attempts per webhook, so that a slow one does not hold the threads of others."""

import random
import time
from dataclasses import dataclass
from threading import Condition

#: How long an attempt is taken to last before any has ended.
_UNKNOWN_SECONDS = 0.05
#: A thread waits so long for a free place itself; to hand a job back and to claim it again costs as much as a fast attempt.
_SHORT_SECONDS = 0.05
#: Nobody is sent away for longer than these seconds, or than six attempts take where that is more: the webhook may answer faster by then.
_LONGEST_SECONDS, _LONGEST_ATTEMPTS = 15.0, 6


@dataclass
class _Lane:
    """The attempts of a webhook: how many are under way, how many threads wait for a place, how long the last attempt took, when one began
    or ended last, and until when those that were sent away have a turn.
    """

    under_way: int = 0
    waiting: int = 0
    seconds: float = _UNKNOWN_SECONDS
    changed_at: float = 0.0
    taken_until: float = 0.0

    def change(self, by: int) -> None:
        """An attempt has begun, or ended."""
        self.under_way += by
        self.changed_at = time.monotonic()

    def likely_seconds(self) -> float:
        """How long an attempt is likely to take: as long as the last one, or longer where none has ended for longer."""
        return max(self.seconds, time.monotonic() - self.changed_at)

    def next_turn(self, most: int) -> float:
        """In how many seconds it is the turn of one more that is sent away; those without a turn come back spread, and not all at once."""
        moment, seconds = time.monotonic(), self.likely_seconds()
        longest = max(_LONGEST_SECONDS, _LONGEST_ATTEMPTS * seconds)
        self.taken_until = max(self.taken_until, moment) + seconds / most
        if self.taken_until <= moment + longest:
            return self.taken_until - moment
        self.taken_until = moment + longest
        return random.uniform(longest / 2, longest)  # noqa: S311 - spread, not secrecy


_lanes: dict[str, _Lane] = {}
_changed = Condition()


def enter(webhook_id: str, most: int) -> float | None:
    """None where an attempt may begin, which `leave` ends; or else in how many seconds it is likely to be its turn.

    Where a place is likely to become free at once, the thread waits for it. The others get turns after each other, so that few of them
    come in vain.
    """
    with _changed:
        lane = _lanes.setdefault(webhook_id, _Lane())
        if lane.under_way >= most and not _is_free_soon(lane, most):
            return lane.next_turn(most)
        lane.change(+1)
        return None


def _is_free_soon(lane: _Lane, most: int) -> bool:
    if lane.likely_seconds() * (lane.waiting + 1) / most > _SHORT_SECONDS:
        return False
    lane.waiting += 1
    try:
        return _changed.wait_for(lambda: lane.under_way < most, _SHORT_SECONDS)
    finally:
        lane.waiting -= 1


def leave(webhook_id: str, seconds: float) -> None:
    """An attempt has ended that took so long; of a webhook without any nothing is remembered."""
    with _changed:
        lane = _lanes[webhook_id]
        lane.change(-1)
        lane.seconds = seconds
        if not lane.under_way and not lane.waiting:
            del _lanes[webhook_id]
        _changed.notify_all()
