"""Each verdict on a run that is to move is that of the kernel, run from scratch over the new definition with the results recorded."""

from collections import Counter
from random import Random

import pytest

from aasim_plugins.workflows.definition import read
from aasim_plugins.workflows.kernel.moving import Cannot, move, with_names
from aasim_plugins.workflows.moving.difference import change

from ..graphs.random_graphs import Generator
from .migrating_oracle import agrees, driven, edited


def check(seed: int) -> str:
    """Compare the verdict on one run with the oracle's; what the verdict was."""
    dice = Random(seed)  # noqa: S311 - no secret
    written = Generator(seed, most=30).definition()
    before, after = read(written), read(edited(written, dice))
    run = driven(before, seed)
    found = change([before, after])
    flow = with_names(run.flow, found.before, found.names)
    verdict = move(flow, found.after, found.difference)

    def same(node: str) -> bool:
        return node not in found.difference.work

    expected = agrees(after, run, seed, same)
    told = verdict if isinstance(verdict, Cannot) else "moves"
    if isinstance(verdict, Cannot) and verdict.reason == "body":  # which holds whatever of the body was changed
        return "body"
    assert (seed, told, expected) == (seed, told, told == "moves")
    return told.reason if isinstance(told, Cannot) else told


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 400, 100))
def test_verdicts_are_those_of_a_run_from_scratch(first: int) -> None:
    found = Counter(check(seed) for seed in range(first, first + 100))
    assert found["moves"] > 10
    assert found.keys() >= {"changed", "gone", "way"}


@pytest.mark.long
@pytest.mark.parametrize("first", range(10_000, 16_000, 2_000))
def test_thousands_of_verdicts_are_those_of_runs_from_scratch(first: int) -> None:
    found = Counter(check(seed) for seed in range(first, first + 2_000))
    assert found.keys() >= {"moves", "changed", "gone", "way", "condition", "error", "body"}
