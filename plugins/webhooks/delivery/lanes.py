"""Limit concurrent attempts per webhook, so that a slow one does not hold the threads of others."""

import time
from dataclasses import dataclass
from threading import Lock

#: How long an attempt is taken to last before any has ended.
_UNKNOWN_SECONDS = 1.0


@dataclass
class _Lane:
    """The attempts of a webhook: how many are `under_way`, how long the last one took, and until when those that wait have a turn."""

    under_way: int = 0
    seconds: float = _UNKNOWN_SECONDS
    taken_until: float = 0.0


_lanes: dict[str, _Lane] = {}
_lock = Lock()


def enter(webhook_id: str, most: int) -> float | None:
    """None where an attempt may begin, which `leave` ends; or else in how many seconds it is likely to be its turn.

    Those that have to wait get turns after each other, so that few of them come in vain.
    """
    with _lock:
        lane = _lanes.setdefault(webhook_id, _Lane())
        if lane.under_way < most:
            lane.under_way += 1
            return None
        moment = time.monotonic()
        lane.taken_until = max(lane.taken_until, moment) + lane.seconds / most
        return lane.taken_until - moment


def leave(webhook_id: str, seconds: float) -> None:
    """An attempt has ended that took so long; of a webhook without any nothing is remembered."""
    with _lock:
        lane = _lanes[webhook_id]
        lane.under_way -= 1
        lane.seconds = seconds
        if not lane.under_way:
            del _lanes[webhook_id]
