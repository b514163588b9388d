"""Templates to attack with: some written down, and as many more as somebody asks for."""

import random
from typing import Any

from aasim_core.user_code import templates

SAVED, RUN, ENDS = "refused when it is saved", "refused for these values", "ends"


def nested(depth: int, innermost: Any) -> Any:
    """The value below `depth` keys a."""
    for _ in range(depth):
        innermost = {"a": innermost}
    return innermost


_X, _DEEP = "x" * 200_000, nested(100, "x" * 400_000)
#: Templates, the input of each, and what becomes of it.
BOMBS: dict[str, tuple[str, Any, str]] = {
    "open braces": ("{{" * 50_000, None, ENDS),
    "open braces and spaces": ("{{ " * 33_000, None, ENDS),
    "open places": ("{{ a" * 25_000 + "}", None, ENDS),
    "closing braces": ("}}" * 50_000, None, ENDS),
    "spaces": ("{{" + " " * 99_000, None, ENDS),
    "a long path that does not end": ("{{ " + "a." * 49_000, None, ENDS),
    "a place in a place": ("{{ input." * 1_000 + "a" + " }}" * 1_000, None, ENDS),
    "a long path": ("{{ input" + ".a" * 49_000 + " }}", _DEEP, SAVED),
    "a long number": ("{{ input." + "9" * 99_000 + " }}", ["x"], SAVED),
    "spaces in a place": ("{{ input" + " " * 99_000 + "}}", _X, SAVED),
    "places that lead nowhere": ("".join(f"{{{{input.a{number}}}}}" for number in range(5_000)), {}, SAVED),
    "one place, again and again": ("{{ input }}" * 9_000, _X, SAVED),
    "one place, as often as may be": ("{{ input }}" * templates.MOST_PLACES, _X, RUN),
    "all levels of an object": ("".join(f"{{{{ input{'.a' * level} }}}}" for level in range(80)), _DEEP, RUN),
    "all items of a list": ("".join(f"{{{{ input.{number} }}}}" for number in range(200)), [_X] * 200, RUN),
    "one large object": ("{{ input }}", [0] * 1_000_000, RUN),
    "an object that becomes longer as JSON": ("{{ input }}", ["\x01" * 200_000], RUN),
    "a place that is filled in": ("{{ input.a }}" * 100, {"a": "{{ input.a }}" * 100}, ENDS),
}  # fmt: skip


def random_bomb(dice: random.Random) -> tuple[str, Any]:
    """A template of places, of what looks like places, and of pieces of them, with an input."""
    names = ["a", "b", "0", "1", "9" * dice.choice([1, 9, 300]), "-", "a" * dice.choice([1, 300])]
    text = "x" * dice.choice([0, 1_000, 300_000, 300_000])
    value = dice.choice([text, [text, {"a": text}], {"a": text, "b": [text] * 3}, nested(dice.randrange(100), text)])

    def place() -> str:
        path = ".".join(["input", *dice.choices(names, k=dice.choice([0, 0, 1, 2, 40]))])
        return "{{" + " " * dice.choice([0, 1, 100]) + path + " }}"

    pieces = [place(), place(), "{", "{{", "}}", "{{ input.", ".", " ", "é", text[:10]]
    picked = dice.choices(pieces, weights=[*dice.choices([0, 1, 5], k=len(pieces) - 1), 1], k=dice.choice([1, 10, 300]))
    return "".join(picked) * dice.choice([1, 1, 10]), value
