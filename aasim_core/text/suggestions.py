"""The nearest of the names that exist, for messages about a name that does not."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# A longer name is not a typing error, and comparing it costs more than the advice is worth.
_LONGEST = 64
# The share of letters in common, from 0 to 1, that a typing error leaves; with less, another word is meant.
_LEAST = 0.7


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` most likely stands for, or None."""
    return next(iter(near(name, known, 1)), None)


def near(name: str, known: Iterable[str], most: int) -> Sequence[str]:
    """Those of `known` that `name` may stand for, the nearest first, at `most` this many."""
    return [] if len(name) > _LONGEST else get_close_matches(name, list(known), n=most, cutoff=_LEAST)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence such as ``Did you mean "limit"?``, with a space before it; empty when nothing is near."""
    match = nearest(name, known)
    return f' Did you mean "{match}"?' if match else ""
