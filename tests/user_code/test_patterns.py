"""Patterns of users: what is refused when it is saved, and that looking for one takes a bounded number of steps."""

import random

import pytest

from aasim_core.user_code.patterns import MOST_STEPS, TooMuch, find, flaw

SAVED, RUN, ENDS = "refused when it is saved", "refused for this text", "ends"
#: Patterns, a text for each, and what becomes of both.
BOMBS = {
    "nested repeats": ("(a+)+$", "a" * 100_000 + "b", ENDS),
    "nested repeats with an end": ("((a?){30}){30}b", "a" * 1_000_000, RUN),
    "what may be or not": ("(?:a?){500}a{500}", "a" * 10_000, ENDS),
    "repeats in a row": (".*" * 500 + "b", "a" * 1_000_000, ENDS),
    "a window": ("[xy]*x[xy]{900}z", "xxyxyyxyyyxyxyxxx" * 60_000, RUN),
    "many states": ("[^x]{1000}", "ab" * 10_000, RUN),
    "repeats of repeats": ("((a{100}){100}){100}", "a", SAVED),
    "letters of the world": (r"\pL{1000}", "a", SAVED),
    "brackets": ("(" * 499 + "a" + ")" * 499, "a" * 1_000_000, ENDS),
    "open brackets": ("(" * 1000, "a", SAVED),
    "a back reference": (r"(a*)\1", "a" * 100_000, SAVED),
    "look-around": ("(?=(a+)+$)b", "a" * 100_000, SAVED),
    "a text of many bytes": ("\U0001f600" * 200, "\U0001f600" * 30_000, RUN),
}


def outcome(pattern: str, text: str, *, ignore_case: bool = False) -> str:
    """What becomes of the pattern, with this text."""
    if flaw(pattern, ignore_case=ignore_case):
        return SAVED
    try:
        find(pattern, text, ignore_case=ignore_case)
    except TooMuch:
        return RUN
    return ENDS


def random_pattern(dice: random.Random, depth: int) -> str:
    """A pattern of repeats in repeats, classes, and what RE2 does not have."""
    if depth == 0:
        return dice.choice(["a", "[ab]", "[^b]", ".", r"\w", r"\pL", "é", "[à-ÿ]", "$", "(", ")*", r"\1", "(?=a)", "", "|"])
    one, other = random_pattern(dice, depth - 1), random_pattern(dice, depth - dice.choice([1, depth]))
    counts = f"{{{dice.choice([0, 2, 30])},{dice.choice([30, 400, 1000])}}}"
    ways = [f"({one})*", f"(?:{one})+?", f"({one}){counts}", f"{one}|{other}", one + other, f"(?i:{one})", one * 5]
    return dice.choice(ways)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_or_takes_no_more_steps_than_may_be(bomb: str) -> None:
    pattern, text, expected = BOMBS[bomb]
    assert outcome(pattern, text) == expected


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(40, 1000))])
def test_every_pattern_is_refused_or_is_looked_for(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - it plays dice
    pattern, text = (
        random_pattern(dice, dice.randrange(1, 7))[:1000],
        dice.choice(["a", "é", "ab"]) * dice.choice([1, 1_000, 100_000]),
    )
    assert outcome(pattern, text, ignore_case=dice.random() < 0.5) in (SAVED, RUN, ENDS), f"seed {seed}: {pattern}"


@pytest.mark.long
def test_a_pattern_that_is_too_large_only_without_regard_to_case_is_refused_when_it_is_saved() -> None:
    pattern = f"[{''.join(map(chr, range(0xC0, 0x3A0, 3)))}]{{1000}}" * 2
    assert outcome(pattern, "a") == ENDS
    assert outcome(pattern, "a", ignore_case=True) == SAVED


def test_a_text_may_have_as_many_bytes_as_the_steps_of_its_pattern_allow() -> None:
    instructions = 6  # of a+, as RE2 writes it
    assert outcome("a+", "b" * (MOST_STEPS // instructions)) == ENDS
    assert outcome("a+", "b" * (MOST_STEPS // instructions + 1)) == RUN
