"""The remaining calls and tokens of the last minute, counted in slices."""

from collections.abc import Sequence

#: A slice and the window, in seconds. A slice counts as long as any part of it lies in the window, so a limit is never exceeded.
SLICE, WINDOW = 5, 60

#: When it began (seconds since 1970), calls, tokens.
Slice = tuple[float, int, int]
_CALLS, _TOKENS = 1, 2


def recent(slices: Sequence[Sequence[float]], moment: float) -> list[Slice]:
    """Those slices that lie in the window that ends at `moment`."""
    return [(start, int(calls), int(tokens)) for start, calls, tokens in slices if start + SLICE > moment - WINDOW]


def added(slices: Sequence[Slice], moment: float, *, calls: int = 0, tokens: int = 0) -> list[Slice]:
    """The slices, with so much more in that of `moment`, which is the last one."""
    start = moment - moment % SLICE
    *before, last = slices or [(start, 0, 0)]
    if last[0] < start:
        before, last = [*before, last], (start, 0, 0)
    began, calls_before, tokens_before = last
    return [*before, (began, calls_before + calls, tokens_before + tokens)]


def given_back(slices: Sequence[Slice], start: float, tokens: int) -> list[Slice]:
    """Return the slices, with this many tokens fewer in the one that began at `start`, if it still counts."""
    return [(began, calls, max(0, held - tokens) if began == start else held) for began, calls, held in slices]


def wait_for_call(slices: Sequence[Slice], limit: int, moment: float) -> float:
    """Seconds until one more call is within `limit` calls a minute; 0 is now."""
    return _wait(slices, _CALLS, limit - 1, moment)


def wait_for_tokens(slices: Sequence[Slice], limit: int, tokens: int, moment: float) -> float:
    """Seconds until this many more tokens are within `limit` tokens per minute; what is more than the limit goes alone."""
    return _wait(slices, _TOKENS, max(0, limit - tokens), moment)


def _wait(slices: Sequence[Slice], column: int, most: int, moment: float) -> float:
    used, free_at = sum(int(one[column]) for one in slices), moment
    for one in slices:
        if used <= most:
            break
        used -= int(one[column])
        free_at = one[0] + SLICE + WINDOW
    return max(0.0, free_at - moment)
