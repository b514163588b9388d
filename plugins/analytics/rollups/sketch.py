"""Mergeable percentiles: the number of values in each of some bins, whose width grows with the value.

The scheme is that of DDSketch (Masson, Rim and Lee: DDSketch, a fast and fully-mergeable quantile sketch with relative-error guarantees,
VLDB 2019), with bounds in whole numbers: no logarithm is rounded, so every machine puts a value into the same bin, and two sketches of the
same values are equal.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

#: What a percentile is off by at most, as a part of the true value.
RELATIVE_ERROR = 0.01
#: Values beyond, such as milliseconds of more than 31 years, count as this.
_GREATEST = 10**12

#: Bins by number, each with how many values are in it.
Sketch = dict[int, int]


def _bins() -> tuple[list[int], list[int]]:
    """The least value of each bin, and the value that stands for all in it: at most a hundredth above the least, or below the greatest."""
    least, standing = [0], [0]
    at = 1
    while at <= _GREATEST:
        middle = at + at // 100
        least.append(at)
        standing.append(middle)
        at = middle * 100 // 99 + 1
    return least, standing


_LEAST, _STANDING = _bins()


def bin_of(value: int) -> int:
    """The number of the bin that a value falls into; values below 0 count as 0."""
    return max(0, bisect_right(_LEAST, value) - 1)


def percentiles(sketch: Mapping[int, int], *percents: int) -> list[int]:
    """For each percentage, return the least value that this part of all values does not exceed, within the relative error.

    The sketch must hold a value.
    """
    bins = sorted(sketch)
    sums = list(accumulate(map(sketch.__getitem__, bins)))
    ranks = (max(1, -(-percent * sums[-1] // 100)) for percent in percents)
    return [_STANDING[bins[bisect_right(sums, rank - 1)]] for rank in ranks]


def flat(sketch: Mapping[int, int]) -> list[int]:
    """The sketch as a list: a bin, its count, the next bin, its count, in the order of the bins."""
    return [number for each in sorted(sketch) for number in (each, sketch[each])]


def add(sketch: Sketch, numbers: Sequence[int]) -> None:
    """Add a sketch that is written as `flat` does."""
    pairs, counted = iter(numbers), sketch.get
    for number, count in zip(pairs, pairs, strict=True):
        sketch[number] = counted(number, 0) + count
