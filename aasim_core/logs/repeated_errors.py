"""Log each kind of error once per interval, with the number of its repetitions."""

from collections import Counter
from collections.abc import Callable
from time import monotonic


class RepeatedErrors:
    """Limits each kind of log line to one per interval: a common failure would otherwise fill the log, and hide the rest."""

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._said: dict[str, float] = {}
        self._count: Counter[str] = Counter()

    def count(self, kind: str) -> int | None:
        """How often it has happened since it was last said, if it is to be said now; else None."""
        self._count[kind] += 1
        if self._clock() < self._said.get(kind, float("-inf")) + self._seconds:
            return None
        self._said[kind] = self._clock()
        return self._count.pop(kind)


def kind_of(error: BaseException) -> str:
    """The error's type and the first line of its text."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
