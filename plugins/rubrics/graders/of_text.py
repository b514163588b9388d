"""Graders of an output as text: presence, equality, similarity, patterns, and length."""

from collections.abc import Iterator
from typing import Any

from aasim_core.user_code import patterns

from .grading import AT, TEXT, Case, Grade, Grader, as_text, of_part, parameters_of

#: Comparing two texts takes the product of their lengths.
_LONGEST_COMPARED = 20_000
_LONGEST_SHOWN = 200
_TEXTS = {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 50}
_FLAG = {"type": "boolean"}


def _told(case: Case) -> tuple[bool, Any]:
    """Whether it is known what would be right, and what."""
    if "value" in case.parameters:
        return True, case.parameters["value"]
    return case.has_expected, case.expected


def _unknown() -> Grade:
    return Grade(None, "There is nothing to compare with: the criterion has no value, and the case none that is expected.")


def _plain(case: Case, text: str) -> str:
    return text.casefold() if case.parameters.get("ignore_case") else text


def _exact(case: Case, part: Any) -> Grade:
    is_known, right = _told(case)
    if not is_known:
        return _unknown()
    both_texts = isinstance(part, str) and isinstance(right, str)
    same = _plain(case, part.strip()) == _plain(case, right.strip()) if both_texts else _is_same(part, right)
    return Grade(float(same), "It is exactly that." if same else "It is something else.", {"wanted": _shown(right)})


def _is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; to Python, true is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _searched(part: Any) -> str:
    """The part as text, and where that is JSON also each text in it as it is: JSON writes quotes and line breaks in another way."""
    if isinstance(part, str):
        return part
    return "\0".join((as_text(part), *_texts_in(part)))  # no text that is looked for has this character


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)


def _contains(case: Case, part: Any) -> Grade:
    text, values = _plain(case, _searched(part)), case.parameters["values"]
    missing = [value for value in values if _plain(case, value) not in text]
    if case.parameters.get("match") == "any":
        found = len(missing) < len(values)
        return Grade(float(found), "It has one of them." if found else "It has none of them.", {"missing": missing})
    reason = f"It lacks {len(missing)} of {len(values)}." if missing else "It has all of them."
    return Grade(1 - len(missing) / len(values), reason, {"missing": missing})


def _not_contains(case: Case, part: Any) -> Grade:
    text = _plain(case, _searched(part))
    found = [value for value in case.parameters["values"] if _plain(case, value) in text]
    return Grade(float(not found), f"It has {len(found)} of them." if found else "It has none of them.", {"found": found})


def _regex(case: Case, part: Any) -> Grade:
    try:
        found = patterns.find(case.parameters["pattern"], as_text(part), ignore_case=bool(case.parameters.get("ignore_case")))
    except patterns.TooMuch:
        return Grade(None, "The output is too long for this pattern; simplify the pattern.")
    unwanted = bool(case.parameters.get("unwanted"))
    reason = "The pattern matches." if found is not None else "The pattern does not match."
    return Grade(float((found is not None) != unwanted), reason, {"match": None if found is None else found[:_LONGEST_SHOWN]})


def _pattern_flaw(parameters: Any) -> tuple[str, str] | None:
    problem = patterns.flaw(parameters["pattern"], ignore_case=bool(parameters.get("ignore_case")))
    return ("pattern", problem) if problem else None


def _length(case: Case, part: Any) -> Grade:
    text, unit = as_text(part), case.parameters.get("unit", "characters")
    length = len(text.split()) if unit == "words" else len(text)
    fits = case.parameters.get("min", 0) <= length <= case.parameters.get("max", length)
    return Grade(float(fits), f"It has {length} {unit}.", {"length": length})


def range_flaw(parameters: Any) -> tuple[str, str] | None:
    """What is wrong with the parameters `min` and `max`."""
    if not {"min", "max"} & set(parameters):
        return "min", "Write min, max, or both."
    if parameters.get("min", parameters.get("max")) > parameters.get("max", parameters.get("min")):
        return "max", "Write a max that is not less than min."
    return None


def _similarity(case: Case, part: Any) -> Grade:
    from rapidfuzz import fuzz

    is_known, right = _told(case)
    if not is_known:
        return _unknown()
    ours, theirs = _plain(case, as_text(part)), _plain(case, as_text(right))
    if max(len(ours), len(theirs)) > _LONGEST_COMPARED:
        return Grade(None, f"Texts of more than {_LONGEST_COMPARED} characters are not compared.")
    compare = fuzz.token_sort_ratio if case.parameters.get("by") == "words" else fuzz.ratio
    score = round(compare(ours, theirs) / 100, 4)
    return Grade(score, f"It resembles what is wanted by {score:.0%}.", {"wanted": _shown(right)})


def _shown(value: Any) -> str:
    return as_text(value)[:_LONGEST_SHOWN]


_COUNT = {"type": "integer", "minimum": 0, "maximum": 10_000_000}
GRADERS = (
    Grader("exact", "Exactly the same", parameters_of(value={}, ignore_case=_FLAG, at=AT), of_part(_exact)),
    Grader(
        "contains",
        "Has certain texts",
        parameters_of("values", values=_TEXTS, match={"enum": ["all", "any"]}, ignore_case=_FLAG, at=AT),
        of_part(_contains),
    ),
    Grader(
        "not_contains",
        "Has none of certain texts",
        parameters_of("values", values=_TEXTS, ignore_case=_FLAG, at=AT),
        of_part(_not_contains),
    ),
    Grader(
        "regex",
        "Matches a pattern",
        parameters_of(
            "pattern",
            pattern={"type": "string", "minLength": 1, "maxLength": patterns.LONGEST},
            unwanted=_FLAG,
            ignore_case=_FLAG,
            at=AT,
        ),
        of_part(_regex),
        flaw=_pattern_flaw,
    ),
    Grader(
        "length",
        "Has a certain length",
        parameters_of(min=_COUNT, max=_COUNT, unit={"enum": ["characters", "words"]}, at=AT),
        of_part(_length),
        flaw=range_flaw,
    ),
    Grader(
        "similarity",
        "Resembles a text",
        parameters_of(value=TEXT, by={"enum": ["characters", "words"]}, ignore_case=_FLAG, at=AT),
        of_part(_similarity),
    ),
)
