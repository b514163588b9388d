"""Patterns of users: regular expressions without back references, which take a time that is bounded by text and pattern."""

from typing import Any

#: The longest pattern, in characters.
LONGEST = 1000
#: How many steps looking for a pattern may take, its instructions times bytes of the text; the worst take some 20 ns each.
MOST_STEPS = 2**26


class TooMuch(Exception):
    """The text is too long for the pattern."""


def flaw(pattern: str, *, ignore_case: bool = False) -> str | None:
    """What is wrong with the pattern, as one sentence, or None; without regard to case it can be too large where it is not otherwise."""
    import re2

    try:
        _compiled(pattern, ignore_case=ignore_case)
    except re2.error as error:
        return f"This is not a pattern: {_text(error)}. There are no back references and no look-around."
    return None


def find(pattern: str, text: str, *, ignore_case: bool = False) -> str | None:
    """The first part of the text that the pattern matches, or None; raises `TooMuch`."""
    program = _compiled(pattern, ignore_case=ignore_case)
    if program.programsize * len(text.encode()) > MOST_STEPS:
        raise TooMuch
    match = program.search(text)
    return None if match is None else str(match.group())


def _compiled(pattern: str, *, ignore_case: bool = False) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    # Only the whole match is returned; groups would keep the quick way of matching from being taken.
    options.never_capture = True
    options.case_sensitive = not ignore_case
    return re2.compile(pattern, options)


def _text(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    return told.decode(errors="replace") if isinstance(told, bytes) else str(told)
