"""Templates of users: which places are filled, and that neither checking nor filling one grows without bound."""

import contextlib
import random
from typing import Any

import pytest

from aasim_core.text.json import to_json
from aasim_core.user_code import templates
from aasim_core.user_code.templates import LONGEST_FILLED, MOST_PLACES, TooLong, fill, flaws

from .template_bombs import BOMBS, ENDS, RUN, SAVED, random_bomb
from .tracing import Steps, traced


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("Greet {{ input.name }}.", "Greet Ada."),
        ("{{input}}", '{"name":"Ada","list":[1,2],"none":null}'),
        ("{{ input.list.1 }}{{ input.list.7 }}{{ input.none }}{{ input.other.below }}", "2"),
        ('{"name": {{{ input.name }}}}', '{"name": {Ada}}'),
        ("{{ input.list.99999999999999999999 }}", ""),
        ("{{ input", "{{ input"),
    ],
)
def test_places_are_filled(template: str, filled: str) -> None:
    assert fill(template, {"input": {"name": "Ada", "list": [1, 2], "none": None}}) == filled


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ input.name | upper }}", "is not a place to fill in; write a path, such as {{ input.customer.name }}"),
        ("{{ output }}", "starts with an unknown name; use input"),
        ("{{ input." + "a" * 200 + " }}", "is not a place to fill in"),
        ("{{ input.a }}" * (MOST_PLACES + 1), f"There are {MOST_PLACES + 1} places to fill in, and {MOST_PLACES} is the most"),
    ],
)
def test_what_cannot_be_filled_is_told(template: str, told: str) -> None:
    assert told in next(flaws(template))


def test_what_is_filled_in_is_bounded_even_where_a_template_was_saved_with_more_places() -> None:
    with pytest.raises(TooLong, match="more than 1000000 characters"):
        fill("{{ input }}" * 9_000, {"input": "x" * 200_000})
    assert len(fill("{{ input }}" * 4, {"input": "x" * 200_000})) < LONGEST_FILLED


def outcome(template: str, value: Any) -> str:
    """What becomes of a template: one of three outcomes, or how many steps it takes, where these are too many for its length."""
    problems: list[str] = []
    texts: list[str] = []

    def filled() -> None:
        with contextlib.suppress(TooLong):
            texts.append(fill(template, {"input": value}))

    taken = [traced(lambda: problems.extend(flaws(template)), templates), traced(filled, templates)]
    most = Steps(100 + 3 * len(template), len(template) + 2 * (LONGEST_FILLED + len(to_json(value))))
    if any(steps.lines > most.lines or steps.characters > most.characters for steps in taken):
        return f"a template of {len(template)} characters takes {taken}"
    return SAVED if problems else ENDS if texts else RUN


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_checked_and_filled_in_steps_that_its_length_bounds(bomb: str) -> None:
    template, value, expected = BOMBS[bomb]
    assert outcome(template, value) == expected


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(40, 1000))])
def test_every_template_is_checked_and_filled_in_steps_that_its_length_bounds(seed: int) -> None:
    template, value = random_bomb(random.Random(seed))  # noqa: S311 - it plays dice
    assert outcome(template, value) in (SAVED, RUN, ENDS), f"seed {seed}: {template}"


def test_random_bombs_have_every_outcome() -> None:
    dice = random.Random(0)  # noqa: S311 - it plays dice
    assert {outcome(*random_bomb(dice)) for _ in range(200)} == {SAVED, RUN, ENDS}
