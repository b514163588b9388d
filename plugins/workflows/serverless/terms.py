"""The result of translating a jq expression: CEL text with its kind.

A path of jq that leads nowhere is null, and one of CEL is an error: so a term says with its text when that has a value.
"""

import json
import re
from dataclasses import dataclass

#: The longest text that a term may become while it is put together; an expression that is too long is reported when it is complete.
_LONGEST = 8_192
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
#: Words that CEL keeps for itself, and that are no names of fields.
_RESERVED = frozenset(
    "as break const continue else false for function if import in let loop namespace null package return true var void while".split()
)


class NotTranslated(Exception):
    """An expression, or a task, has no counterpart; the message says why, as a sentence."""


@dataclass(frozen=True)
class Term:
    """A `text` of CEL that has a value where `there` holds, which is always where that is empty; elsewhere the term is null.

    `is_bool` says that it is true or false, `may_be_null` that it can be null also where it is there.
    """

    text: str
    there: str = ""
    may_be_null: bool = False
    is_bool: bool = False

    def __post_init__(self) -> None:
        if len(self.text) + len(self.there) > _LONGEST:
            raise NotTranslated("It becomes too long an expression; take it apart.")

    @property
    def given(self) -> str:
        """The condition that it is there, and not null; empty where it always is."""
        return both(self.there, f"{self.text} != null" if self.may_be_null else "")

    @property
    def value(self) -> str:
        """Its value, as an expression that always has one."""
        if self.there == "false":
            return "null"
        return f"({self.there} ? dyn({self.text}) : null)" if self.there else self.text

    @property
    def truth(self) -> str:
        """Whether jq takes it for true: whether it is neither false nor null."""
        if self.is_bool:
            return self.text
        return f"({both(self.given, f'{self.text} != false')})"


def both(*conditions: str) -> str:
    """All of the conditions; an empty one always holds."""
    return " && ".join(condition for condition in conditions if condition)


NULL = Term("null", "false")


def path(text: str) -> Term:
    """What is always there, and may be null."""
    return Term(text, may_be_null=True)


def literal(value: object) -> Term:
    """A number, a text, true, false or null."""
    return NULL if value is None else Term(json.dumps(value, ensure_ascii=False), is_bool=isinstance(value, bool))


def field(term: Term, name: str) -> Term:
    """``.name`` of a term."""
    if term == NULL:
        return NULL
    if _NAME.fullmatch(name) and name not in _RESERVED:
        text = f"{term.text}.{name}"
        return Term(text, both(term.given, f"has({text})"), may_be_null=True)
    key = literal(name).text
    return Term(f"{term.text}[{key}]", both(term.given, f"{key} in {term.text}"), may_be_null=True)


def item(term: Term, number: int) -> Term:
    """``.[number]`` of a term."""
    if number < 0:
        raise NotTranslated("An item cannot be counted from the end.")
    return (
        NULL
        if term == NULL
        else Term(f"{term.text}[{number}]", both(term.given, f"size({term.text}) > {number}"), may_be_null=True)
    )


def size(term: Term) -> Term:
    """``length`` of a term; that of null is 0."""
    return literal(0) if term == NULL else Term(f"({term.given} ? size({term.text}) : 0)" if term.given else f"size({term.text})")


def text_of(term: Term) -> str:
    """A term in a text, ``\\(…)``."""
    return f'({term.given} ? string({term.text}) : "null")' if term.given else f"string({term.text})"


def total(left: Term, right: Term) -> Term:
    """``left + right``, where null adds nothing."""
    if NULL in (left, right):
        return right if left == NULL else left
    text, ways = f"({left.text} + {right.text})", (left.given, right.given)
    if all(ways):
        return Term(f"({left.given} ? ({right.given} ? {text} : {left.text}) : {right.value})", may_be_null=True)
    if not any(ways):
        return Term(text)
    condition, alone = (left.given, right.text) if left.given else (right.given, left.text)
    return Term(f"({condition} ? {text} : {alone})")


def compared(left: Term, sign: str, right: Term) -> Term:
    """A comparison. null is less than everything else, and values of other types than each other have no order here."""
    if sign in ("==", "!="):
        return Term(f"({left.value} {sign} {right.value})", is_bool=True)
    if sign in (">", ">="):
        left, sign, right = right, sign.replace(">", "<"), left
    return Term(f"({_less(left, sign, right)})", is_bool=True)


def _less(left: Term, sign: str, right: Term) -> str:
    """Whether the left is less, or not more, than the right; null is less than all else."""
    plain = "true" if left == NULL else "false" if right == NULL else f"{left.text} {sign} {right.text}"
    if sign == "<=":
        return f"!({left.given}) || ({both(right.given, plain)})" if left.given else both(right.given, plain)
    return both(right.given, f"(!({left.given}) || {plain})" if left.given else plain)


def first_true(left: Term, right: Term) -> Term:
    """``left // right``."""
    return Term(f"({left.truth} ? dyn({left.text}) : {right.value})", may_be_null=True)
