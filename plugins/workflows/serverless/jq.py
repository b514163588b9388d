"""Translate simple jq expressions to CEL: paths, comparisons, sums, texts, lists and objects.

    pipe    = default *( "|" default )
    default = or *( "//" or )
    or      = and *( "or" and )
    and     = compare *( "and" compare )
    compare = sum [ ( "==" / "!=" / "<" / "<=" / ">" / ">=" ) sum ]
    sum     = product *( ( "+" / "-" ) product )
    product = value *( "*" value )
    value   = first *( "." ( name / text ) / "[" ( integer / text ) "]" / "." "[" ( integer / text ) "]" )
    first   = "." [ name / text ] / "$" name / number / "-" number / text / "true" / "false" / "null" / "not" / "length"
            / "[" [ pipe *( "," pipe ) ] "]" / "{" [ entry *( "," entry ) ] "}" / "(" pipe ")"
    entry   = ( name / text ) [ ":" default ] / "$" name
    text    = DQUOTE *( character / escape / "\\(" pipe ")" ) DQUOTE

What is none of these is not translated: iterations, functions, assignments, and whatever else jq has. Nothing is evaluated here.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TypeVar

from . import terms
from .terms import NotTranslated, Term

_T = TypeVar("_T")
#: How long an expression may be that is translated, in characters, and how deep its parts in each other.
LONGEST, _DEEPEST = 4_096, 24
_SPACE = re.compile(r"\s*+")
_TOKEN = re.compile(
    r'[A-Za-z_]\w*+|\$[A-Za-z_]\w*+|\d++(?:\.\d++)?(?:[eE][+-]?\d++)?|==|!=|<=|>=|//=?|\?//|[+\-*/%|]=|"|.', re.ASCII | re.DOTALL
)
_PLAIN = re.compile(r'[^"\\]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_WORD = re.compile(r"[A-Za-z_]\w*+", re.ASCII)
_DIGIT, _INTEGER = re.compile("[0-9]"), re.compile("[0-9]{1,9}")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Names:
    """What an expression can name: what it is about, ``.``, and variables without their ``$``."""

    here: Term
    variables: Mapping[str, Term] = field(default_factory=dict)


def translated(text: str, names: Names) -> Term:
    """The expression as a term of CEL; NotTranslated for what has no counterpart."""
    if len(text) > LONGEST:
        raise NotTranslated(f"It is longer than {LONGEST} characters.")
    reader = _Reader(text, names)
    found = reader.pipe()
    reader.expect("")
    return found


class _Reader:
    """Reads an expression from the left, and translates what it has read."""

    def __init__(self, text: str, names: Names) -> None:
        self._text, self._names, self._at, self._depth = text, names, 0, 0

    # Words.

    def _peek(self) -> str:
        """The next word; empty at the end."""
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        found = _TOKEN.match(self._text, self._at)
        return found[0] if found else ""

    def _next(self) -> str:
        word = self._peek()
        self._at += len(word)
        return word

    def _took(self, *wanted: str) -> str:
        """The next word, if it is one of those, which is read then; or else empty."""
        return self._next() if self._peek() in wanted and self._peek() else ""

    def expect(self, wanted: str) -> None:
        """Read that word; nothing more may follow for the empty one."""
        if (found := self._next()) != wanted:
            what = f"{found} is not translated" if found else "It ends too early"
            raise NotTranslated(f"{what} at character {self._at}.")

    # Rules.

    def pipe(self) -> Term:
        """Several, of which each is about what the one before gives."""
        outer = self._names
        found = self._default()
        while self._took("|"):
            self._names = replace(outer, here=found)
            found = self._default()
        self._names = outer
        return found

    def _default(self) -> Term:
        self._depth += 1  # whatever is in something else comes by here
        if self._depth > _DEEPEST:
            raise NotTranslated(f"It is nested deeper than {_DEEPEST}.")
        found = [self._or()]
        while self._took("//"):
            found.append(self._or())
        self._depth -= 1
        return reduce(lambda right, left: terms.first_true(left, right), reversed(found))

    def _or(self) -> Term:
        return self._joined(["or"], lambda: self._joined(["and"], self._compare))

    def _joined(self, signs: Sequence[str], part: Callable[[], Term]) -> Term:
        found = part()
        while sign := self._took(*signs):
            found = _JOINED[sign](found, part())
        return found

    def _compare(self) -> Term:
        left = self._sum()
        sign = self._took(*_COMPARISONS)
        return terms.compared(left, sign, self._sum()) if sign else left

    def _sum(self) -> Term:
        return self._joined(["+", "-"], lambda: self._joined(["*"], self._value))

    def _value(self) -> Term:
        found = self._first()
        while True:
            if self._peek() == "." and not self._is_alone():
                self.expect(".")
                found = self._bracketed(found) if self._peek() == "[" else terms.field(found, self._name())
            elif self._peek() == "[":
                found = self._bracketed(found)
            else:
                return found

    def _is_alone(self) -> bool:
        """Whether the dot that comes next leads nowhere."""
        follower = self._text[self._at + 1 : self._at + 2]
        return not (follower in ('"', "[") or _WORD.match(follower))

    def _bracketed(self, of: Term) -> Term:
        self.expect("[")
        if self._peek() == '"':
            found = terms.field(of, self._name())
        elif _INTEGER.fullmatch(self._peek()):
            found = terms.item(of, int(self._next()))
        else:
            raise NotTranslated("Only a number or a text in brackets is translated, and no iteration or slice.")
        self.expect("]")
        return found

    def _name(self) -> str:
        if self._peek() != '"':
            name = self._next()
            if not _WORD.fullmatch(name):
                raise NotTranslated(f".{name} is not translated at character {self._at}.")
            return name
        found = self._quoted()
        if len(found) > 1 or not isinstance(found[0], str):
            raise NotTranslated("A name that is put together is not translated.")
        return found[0]

    def _first(self) -> Term:
        word = self._peek()
        if word == ".":
            self.expect(".")
            follows = self._text[self._at : self._at + 1]
            return terms.field(self._names.here, self._name()) if follows == '"' or _WORD.match(follows) else self._names.here
        if word == '"':
            return _text(self._quoted())
        self._next()
        if word in _READ:
            return _READ[word](self)
        if word in _CONSTANTS:
            return terms.literal(_CONSTANTS[word])
        if _DIGIT.match(word):
            return terms.literal(json.loads(word))
        if word[:1] == "$" and word[1:] in self._names.variables:
            return self._names.variables[word[1:]]
        what = f"{word} is not known here" if word[:1] == "$" else f"{word} is not translated" if word else "It ends too early"
        raise NotTranslated(f"{what}, at character {self._at}.")

    def _quoted(self) -> list[str | Term]:
        """The parts of a text: what stands there, and what is filled in; at least one."""
        self.expect('"')
        parts: list[str | Term] = []
        plain = ""
        while (found := _PLAIN.match(self._text, self._at)) or self._text.startswith("\\(", self._at):
            if found:
                self._at = found.end()
                plain += found[0]
            else:
                self._at += 2
                parts += [_unescaped(plain), self.pipe()]
                plain = ""
                self.expect(")")
        if self._text[self._at : self._at + 1] != '"':
            raise NotTranslated("A text does not end, or has an escape that is none.")
        self._at += 1
        return [*parts, _unescaped(plain)]

    def _list(self) -> Term:
        parts = self._parts("]", self.pipe)
        return Term(f"[{', '.join(part.value for part in parts)}]")

    def _object(self) -> Term:
        return Term(f"{{{', '.join(self._parts('}', self._entry))}}}")

    def _parts(self, end: str, part: Callable[[], _T]) -> list[_T]:
        if self._took(end):
            return []
        found = [part()]
        while self._took(","):
            found.append(part())
        self.expect(end)
        return found

    def _entry(self) -> str:
        word = self._peek()
        if word[:1] == "$":
            return f"{terms.literal(word[1:]).text}: {self._first().value}"
        name = self._name()
        value = self._default() if self._took(":") else terms.field(self._names.here, name)
        return f"{terms.literal(name).text}: {value.value}"

    def _bracket(self) -> Term:
        found = self.pipe()
        self.expect(")")
        return found

    def _minus(self) -> Term:
        word = self._next()
        if not _DIGIT.match(word):
            raise NotTranslated("Only a number can be negative.")
        return terms.literal(-json.loads(word))

    def _not(self) -> Term:
        return Term(f"(!{self._names.here.truth})", is_bool=True)

    def _length(self) -> Term:
        return terms.size(self._names.here)


_READ: Mapping[str, Callable[[_Reader], Term]] = {
    "[": _Reader._list, "{": _Reader._object, "(": _Reader._bracket, "-": _Reader._minus, "not": _Reader._not, "length": _Reader._length,
}  # fmt: skip
_JOINED: Mapping[str, Callable[[Term, Term], Term]] = {
    "or": lambda left, right: Term(f"({left.truth} || {right.truth})", is_bool=True),
    "and": lambda left, right: Term(f"({left.truth} && {right.truth})", is_bool=True),
    "+": terms.total,
    "-": lambda left, right: Term(f"({left.value} - {right.value})"),
    "*": lambda left, right: Term(f"({left.value} * {right.value})"),
}


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False).encode("utf-16", "surrogatepass").decode("utf-16"))
    except ValueError as error:
        raise NotTranslated("A text has half a character.") from error


def _text(parts: Sequence[str | Term]) -> Term:
    written = [terms.literal(part).text if isinstance(part, str) else terms.text_of(part) for part in parts if part != ""]
    return Term(f"({' + '.join(written)})" if len(written) > 1 else "".join(written) or '""')
