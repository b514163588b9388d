"""Our own regular expressions take time in proportion to the text: each is proved to, or listed with the reason why it may not."""

import pytest

from .collecting import Pattern, collected
from .growth import EXPONENTIAL, LINEAR, POLYNOMIAL, Unknown, growth

#: Patterns that cannot be proved linear, by place, with the reason why they do no harm.
LISTED = {
    "aasim_core/data/scope.py: mentions_tenants": "reads our own SQL, with names of tables",
    "aasim_core/http/body.py: _TYPE": "refers to a group of one character at most",
    "aasim_core/schemas/scalars.py: _pattern": "is given to Patterned, where it is collected",
    "aasim_core/http/uniqueness.py: taken": "reads what the database says of our own indexes",
    "aasim_core/identity/passwords.py: _REPEATED": "goes through eight lengths in a password of 256 characters at most",
    "aasim_core/plugins/field_types.py: _written": "reads type hints of plugins",
    "aasim_core/plugins/loading/hook_manager.py: _advice_on": "reads hookspecs.py of plugins, for the name of a function",
    "aasim_core/collecting/rules.py: _misnamed": "reads what plugins declare",
    "aasim_core/commands/switching.py: _with_list": "reads the operator's file",
    "aasim_core/user_code/cel_text.py: _WORD": "reads the first 1,024 characters of an expression",
    "plugins/workflows/exchange/references.py: _PREFIX": "reads 63 characters at most",
    "plugins/hitl_approvals/schemas.py: module": "reads JSON pointers of 200 characters at most",
    "aasim_core/testing/contract/lists.py: link": "reads our own header, in tests",
}


@pytest.mark.parametrize(
    ("pattern", "way", "expected"),
    [
        (r"(a+)+$", "search", EXPONENTIAL),
        (r"(a*)*b", "match", EXPONENTIAL),
        (r"(a|b|ab)*c", "match", EXPONENTIAL),
        (r"(?:aa|a)*c", "fullmatch", EXPONENTIAL),
        (r"\.\s*(?://.*\s*)*(map)\s*\(", "search", EXPONENTIAL),
        (r"(?=(a+)+$)b", "match", EXPONENTIAL),
        (r"(?>(a+)+b)", "match", EXPONENTIAL),
        (r"\{\{.*?\}\}", "search", POLYNOMIAL),
        (r"a*a*b", "match", POLYNOMIAL),
        (r"\s+$", "search", POLYNOMIAL),
        (r"^\s*#", "search", LINEAR),
        (r"\s+$", "match", LINEAR),
        (r"\{\{[^{}]*+\}\}", "search", LINEAR),
        (r"[^a-z]+", "search", LINEAR),
        (r"(?<=://)[^\s:/@]+:[^\s/@]+(?=@)", "search", LINEAR),
        (r"(?:a*+b)*c", "match", LINEAR),
        (rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', "search", LINEAR),
    ],
)
def test_the_growth_of_a_pattern_is_known(pattern: str | bytes, way: str, expected: str) -> None:
    assert growth(pattern, way=way) == expected


def _problem_of(pattern: Pattern) -> str | None:
    if pattern.text is None:
        return "is put together when it runs"
    try:
        found = growth(pattern.text, pattern.flags, way=pattern.way)
    except Unknown as error:
        return f"has {error}"
    return None if found == LINEAR else f"takes {found} time"


@pytest.mark.long
def test_every_pattern_takes_time_in_proportion_to_the_text() -> None:
    problems = {pattern.place: problem for pattern in collected() if (problem := _problem_of(pattern))}
    told = [
        f"{place} {problem}; make its repeats possessive or their characters different" for place, problem in problems.items()
    ]
    assert problems.keys() == LISTED.keys(), "\n".join(told)


def test_patterns_are_collected() -> None:
    assert len(collected()) > 60
