"""The action of an approval as data: its canonical form, its hash, and permitted edits."""

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from decimal import Decimal
from hashlib import sha256
from typing import Any

from aasim_core.errors import Invalid, Problem
from aasim_core.logs.redaction import MASK, redacted
from aasim_core.user_code import json_schema

#: The form of a JSON pointer (RFC 6901).
POINTER = "(?:/(?:[^~/]|~[01])*)*"
#: The part of an action that may be edited, by the kind of the question; of other kinds, nothing.
_PARTS = {"tool_call": "arguments", "result": "output", "request": "payload"}
#: The form of a pointer to such a part, or to what is below.
EDITABLE = f"/(?:{'|'.join(_PARTS.values())}){POINTER}"
#: Names whose values are secrets, whatever these look like.
_SECRET_NAME = re.compile("passw|secret|credential|api_?key|private_?key|(^|_)token$", re.IGNORECASE)
#: Maximum length of a value in events, in characters.
_LONGEST_TOLD = 500
_INDEX = re.compile("0|[1-9][0-9]{0,9}")


def hash_of(action: Any) -> str:
    """The SHA-256 of the action's canonical form, as 64 hexadecimal digits: equal for equal JSON values, and for no others."""
    return sha256(canonical(action).encode()).hexdigest()


def canonical(value: Any) -> str:
    """The one text of a JSON value: the JSON Canonicalization Scheme (RFC 8785), but whole numbers with all their digits.

    By the standard, numbers beyond 2^53 that differ would have one text, and one could be approved for another.
    """
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_text(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return _text(value) if isinstance(value, str) else json.dumps(value)


def editable_in(kind: str, pointers: Sequence[str]) -> list[str]:
    """Those of the pointers that lead to what may be edited in an action of the kind."""
    part = _PARTS.get(kind)
    return [pointer for pointer in pointers if part is not None and pointer.split("/")[:2] == ["", part]]


def refuse_unfit(action: Any, kind: str, schema: Any) -> None:
    """Invalid for an edited action whose part that may be edited breaks its schema."""
    part = _PARTS[kind]
    problems: dict[str, list[Problem]] = {}
    for below, message in json_schema.violations_by_pointer(schema, action[part]):
        pointer = f"/{part}{below}"
        problems.setdefault(f"edits.{pointer}", []).append(_problem("invalid_format", f"It would not fit: {message}.", pointer))
    if problems:
        raise Invalid(problems)


def edited(action: Any, edits: Mapping[str, Any], editable: Sequence[str]) -> Any:
    """A copy of the action with other values at some JSON pointers; Invalid for those that are not `editable`, or below one that is.

    A name that an object does not have yet is added; a place in a list has to be there.
    """
    problems: dict[str, list[Problem]] = {}
    result = deepcopy(action)
    for pointer, value in edits.items():
        if not any(pointer == allowed or pointer.startswith(f"{allowed}/") for allowed in editable):
            allowed = f"Editable are {', '.join(editable)}." if editable else "Nothing of this action can be edited."
            problems[f"edits.{pointer}"] = [_problem("invalid_choice", f"{pointer} cannot be edited. {allowed}", pointer)]
            continue
        try:
            result = _replaced(result, _tokens(pointer), value)
        except LookupError:
            message = f"The action has no place {pointer}; write a JSON pointer to a value that is there."
            problems[f"edits.{pointer}"] = [_problem("invalid_reference", message, pointer)]
    if problems:
        raise Invalid(problems)
    return result


def edits_told(edits: Mapping[str, Any], before: Any, after: Any) -> dict[str, list[Any]]:
    """Return the old and the new value at each pointer of the edits, for events: short, and with apparent secrets masked."""
    return {pointer: [_told(before, pointer), _told(after, pointer)] for pointer in edits}


def _told(action: Any, pointer: str) -> Any:
    """Return the value at the pointer, null where there is none; a long one is truncated, as text."""
    value, names = action, _tokens(pointer)
    for token in names:
        try:
            value = value[int(token) if isinstance(value, list) else token]
        except (LookupError, ValueError, TypeError):
            return None
    shown = MASK if any(map(_SECRET_NAME.search, names)) else masked(value)
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
    return f"{text[:_LONGEST_TOLD]}…" if len(text) > _LONGEST_TOLD else shown


def masked(value: Any) -> Any:
    """Return a copy of a JSON value in which texts that look like secrets, and values with secret names, are masked."""
    if isinstance(value, dict):
        return {name: MASK if _SECRET_NAME.search(name) else masked(each) for name, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    return redacted(value) if isinstance(value, str) else value


def _problem(code: str, message: str, pointer: str) -> Problem:
    return Problem(code, message, {"pointer": pointer})


def _tokens(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _replaced(target: Any, tokens: Sequence[str], value: Any) -> Any:
    """The target with the value at the place that the tokens lead to; LookupError where there is no such place."""
    if not tokens:
        return deepcopy(value)
    token, *rest = tokens
    if isinstance(target, list) and _INDEX.fullmatch(token):
        target[int(token)] = _replaced(target[int(token)], rest, value)
    elif isinstance(target, dict) and (token in target or not rest):
        target[token] = _replaced(target.get(token), rest, value)
    else:
        raise LookupError(token)
    return target


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(value: float) -> str:
    """The shortest digits that mean the number, as ECMAScript writes them (ECMA-262, Number::toString)."""
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)
    if 0 < point <= 21:
        whole = text.ljust(point, "0")
        shown = whole if len(whole) == point else f"{whole[:point]}.{whole[point:]}"
    elif -6 < point <= 0:
        shown = f"0.{'0' * -point}{text}"
    else:
        shown = f"{text[0]}{'.' if len(text) > 1 else ''}{text[1:]}e{point - 1:+d}"
    return f"-{shown}" if sign else shown
