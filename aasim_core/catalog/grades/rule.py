"""The rule: its grade, the harm that it prevents, its check, and its message."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

Grade = Literal["bronze", "silver", "gold", "platinum"]
#: The grades, the lowest first: each asks for the rules of those before it too.
GRADES: tuple[Grade, ...] = get_args(Grade)

_Looked_at = TypeVar("_Looked_at")


@dataclass(frozen=True)
class Flaw:
    """Where a rule is missed: `advice` is a sentence that says what to write, `place` is the file and the line, where there are such."""

    advice: str
    place: str = ""


@dataclass(frozen=True)
class Rule(Generic[_Looked_at]):
    """A rule of a grade: what it `asks` for, the `harm` to users where it is missed, and the `check` that tells each place where it is."""

    id: str
    grade: Grade
    asks: str
    harm: str
    check: Callable[[_Looked_at], Iterable[Flaw]]


@dataclass(frozen=True)
class Miss:
    """A rule that a plugin misses, as in `Rule`, with the first places where it does, and how many there are."""

    rule: str
    grade: Grade
    asks: str
    harm: str
    flaws: tuple[Flaw, ...]
    count: int
