"""The part of jq that the examples use, as a tree; what is outside of it is Untranslatable."""

import re
from dataclasses import dataclass
from typing import Any

from .shell import Untranslatable

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_LITERALS = {"true": True, "false": False, "null": None}
#: From the loosest to the tightest.
_LEVELS = (("|",), (",",), ("//",), ("|=", "="), ("==", "!=", ">"), ("+",))


@dataclass(frozen=True)
class Filter:
    """What turns a value into others: its kind, and what it is made of.

    ``given``; ``field``: of, name; ``item``: of, number; ``part``: of, from, to; ``each``: of; ``value``: literal; ``text``: parts;
    ``object``: pairs; ``list``: of or None; ``variable``: name; ``call``: name, argument; ``if``: condition, then, else; or a sign and
    what stands on both sides of it.
    """

    kind: str
    parts: tuple[Any, ...] = ()


GIVEN = Filter("given")


def parse(program: str) -> Filter:
    """The filter that a program is."""
    reader = _Reader(program)
    found = reader.binary(0)
    if reader.peek():
        raise Untranslatable(f"the jq program at {reader.text[reader.at :]}")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def peek(self) -> str:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr] # matches always
        return self.text[self.at : self.at + 1]

    def take(self, sign: str) -> bool:
        self.peek()
        is_there = self.text.startswith(sign, self.at)
        if sign[0].isalpha():
            is_there = bool(re.compile(rf"{sign}\b").match(self.text, self.at))
        elif sign in ("|", "="):  # and not |= or ==
            is_there = is_there and self.text[self.at + 1 : self.at + 2] != "="
        self.at += len(sign) if is_there else 0
        return is_there

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise Untranslatable(f"the jq program at {self.text[self.at :]}: no {sign}")

    def binary(self, level: int) -> Filter:
        """Filters with signs between them that bind at least as tightly."""
        if level == len(_LEVELS):
            return self.postfix()
        left = self.binary(level + 1)
        while sign := next((sign for sign in _LEVELS[level] if self.take(sign)), None):
            right = self.binary(level if sign == "|" else level + 1)
            left = Filter(sign, (left, right))
        return left

    def postfix(self) -> Filter:
        found = self.primary()
        while True:
            if self.text.startswith("[", self.at):
                found = self.brackets(found)
            elif re.compile(r'\.["A-Za-z_]').match(self.text, self.at):
                self.at += 1
                found = Filter("field", (found, self.key()))
            elif not self.text.startswith("?", self.at):
                return found
            else:
                raise Untranslatable("an error that jq passes over")

    def brackets(self, of: Filter) -> Filter:
        self.expect("[")
        if self.take("]"):
            return Filter("each", (of,))
        start = self.number()
        found = Filter("item", (of, start))
        if self.take(":"):
            found = Filter("part", (of, start or 0, self.number()))
        self.expect("]")
        return found

    def number(self) -> int | None:
        if not (found := re.compile(r"\d*").match(self.text, self.at)) or not found[0]:
            return None
        self.at = found.end()
        return int(found[0])

    def key(self) -> str:
        if self.take('"'):
            found = self.string()
            if found.kind == "value":
                return str(found.parts[0])
            raise Untranslatable("a key that is made")
        word = _WORD.match(self.text, self.at)
        if not word:
            raise Untranslatable(f"the jq program at {self.text[self.at :]}: no name")
        self.at = word.end()
        return word[0]

    def primary(self) -> Filter:
        begins = {".": self.path, '"': self.string, "[": self.list, "(": self.closed, "{": self.object, "$": self.variable}
        if read := begins.get(self.peek()):
            self.at += 1
            return read()
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            return Filter("value", (float(number[0]) if number[1] else int(number[0]),))
        return self.named()

    def list(self) -> Filter:
        if self.take("]"):
            return Filter("list", (None,))
        inner = self.binary(0)
        self.expect("]")
        return Filter("list", (inner,))

    def variable(self) -> Filter:
        return Filter("variable", (self.key(),))

    def closed(self) -> Filter:
        inner = self.binary(0)
        self.expect(")")
        return inner

    def path(self) -> Filter:
        if re.compile(r'["A-Za-z_]').match(self.text, self.at):
            return Filter("field", (GIVEN, self.key()))
        return GIVEN

    def string(self) -> Filter:
        parts, text = [], ""
        while not self.text.startswith('"', self.at):
            if self.text.startswith("\\(", self.at):
                self.at += 2
                parts += [Filter("value", (text,)), self.closed()]
                text = ""
            elif self.at == len(self.text):
                raise Untranslatable("a text of jq that does not end")
            else:
                text += self.text[self.at]
                self.at += 1
        self.at += 1
        parts.append(Filter("value", (text,)))
        return Filter("text", tuple(part for part in parts if part.parts != ("",))) if len(parts) > 1 else parts[0]

    def object(self) -> Filter:
        pairs = []
        while not self.take("}"):
            key = self.closed() if self.take("(") else Filter("value", (self.key(),))
            value = self.binary(2) if self.take(":") else Filter("field", (GIVEN, key.parts[0]))
            pairs.append((key, value))
            self.take(",")
        return Filter("object", tuple(pairs))

    def named(self) -> Filter:
        name = self.key()
        if name in _LITERALS:
            return Filter("value", (_LITERALS[name],))
        if name == "if":
            return self.choice()
        return Filter("call", (name, self.closed() if self.take("(") else GIVEN))

    def choice(self) -> Filter:
        condition = self.binary(0)
        self.expect("then")
        then = self.binary(0)
        self.expect("else")
        otherwise = self.binary(0)
        self.expect("end")
        return Filter("if", (condition, then, otherwise))
