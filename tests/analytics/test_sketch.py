"""Sketches: merged in any order they are what they would be if they had been one, and percentiles are as close as is promised."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aasim_plugins.analytics.rollups.sketch import RELATIVE_ERROR, Sketch, add, bin_of, flat, percentiles

_VALUES = st.lists(st.integers(0, 10**11), max_size=60)


def sketch_of(values: list[int]) -> Sketch:
    sketch: Sketch = {}
    for value in values:
        add(sketch, [bin_of(value), 1])
    return sketch


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(st.lists(_VALUES, max_size=6), st.randoms())
def test_sketches_that_are_merged_in_any_order_are_the_sketch_of_everything(parts: list[list[int]], chance: object) -> None:
    whole = sketch_of([value for part in parts for value in part])
    chance.shuffle(parts)  # type: ignore[attr-defined]
    merged: Sketch = {}
    for part in parts:
        add(merged, flat(sketch_of(part)))
    assert flat(merged) == flat(whole)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_as_close_as_is_promised(values: list[int], percent: int) -> None:
    true = sorted(values)[ceil(Fraction(percent * len(values), 100)) - 1]
    [told] = percentiles(sketch_of(values), percent)
    assert abs(told - true) <= true * RELATIVE_ERROR


def test_every_value_is_in_one_bin_and_bins_are_in_order() -> None:
    numbers = [bin_of(value) for value in range(200_000)]
    assert numbers == sorted(numbers)
    assert (bin_of(-5), bin_of(10**15)) == (0, bin_of(10**13))
