"""Code in lines of a readable length: what does not fit breaks at its brackets, the outer ones first."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 100


@dataclass(frozen=True)
class Group:
    """Code in brackets, which breaks into a line for each item; a call `hugs` its last argument that can break, and breaks within it."""

    open: str
    items: tuple["Code", ...]
    close: str
    pad: str = ""
    separator: str = ","
    hugs: bool = False

    @property
    def place_to_hug(self) -> int:
        """The number of the last item that can break, or -1."""
        return max((number for number, item in enumerate(self.items) if _breaks(item)), default=-1) if self.hugs else -1


#: Texts and groups that follow each other.
Code = str | Group | Sequence[Any]


def call(*arguments: Code) -> Group:
    """The arguments of a call."""
    return Group("(", arguments, ")", hugs=True)


def quoted(text: str) -> str:
    """A text as a literal of each of the languages."""
    return f"'{text}'" if '"' in text and not set("'\\\n") & set(text) else json.dumps(text, ensure_ascii=False)


def flat(code: Code) -> str:
    """The code in one line."""
    if isinstance(code, str):
        return code
    if isinstance(code, Group):
        inner = f"{code.separator} ".join(map(flat, code.items))
        return f"{code.open}{code.pad}{inner}{code.pad}{code.close}" if inner else code.open + code.close
    return "".join(map(flat, code))


def lines(codes: Iterable[tuple[int, Code]], step: str) -> str:
    """The codes, each in as many lines as it needs and as many steps from the margin as it says; none is empty at the ends."""
    laid = (step * depth + _laid(code, step * depth, step, len(step) * depth, 0) for depth, code in codes)
    return "\n".join(laid).strip("\n")


def _laid(code: Code, indent: str, step: str, column: int, after: int) -> str:
    """The code from a column on, with room for what comes after it in its last line."""
    if isinstance(code, str) or column + len(flat(code)) + after <= WIDTH:
        return flat(code)
    if isinstance(code, Group):
        return _hugged(code, indent, step, column) or _broken(code, indent, step)
    text = ""
    for number, part in enumerate(code):
        rest = len(_until_a_break(code[number + 1 :])) + (after if number == len(code) - 1 else 0)
        _, is_broken, line = text.rpartition("\n")
        text += _laid(part, indent, step, len(line) if is_broken else column + len(line), rest)
    return text


def _until_a_break(codes: Sequence[Code]) -> str:
    """What stands in a line with what is before it at least."""
    text = ""
    for code in codes:
        if isinstance(code, Group) and code.items:
            return text + code.open
        text += flat(code) if isinstance(code, str | Group) else _until_a_break(code)
    return text


def _breaks(code: Code) -> bool:
    return bool(code.items) if isinstance(code, Group) else not isinstance(code, str) and any(map(_breaks, code))


def _hugged(group: Group, indent: str, step: str, column: int) -> str:
    """The group with only the argument broken that it hugs; nothing if what is before that does not fit."""
    number = group.place_to_hug
    before = group.open + "".join(f"{flat(item)}, " for item in group.items[: max(number, 0)])
    if number < 0 or column + len(before) + len(_until_a_break([group.items[number]])) > WIDTH:
        return ""
    rest = "".join(f", {flat(item)}" for item in group.items[number + 1 :]) + group.close
    return before + _laid(group.items[number], indent, step, column + len(before), WIDTH) + rest


def _broken(group: Group, indent: str, step: str) -> str:
    inner = indent + step
    items = (f"{inner}{_laid(item, inner, step, len(inner), 1)}{group.separator}\n" for item in group.items)
    return f"{group.open}\n{''.join(items)}{indent}{group.close}"
