"""The options of curl that the examples use."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .shell import Untranslatable, Word, plain

#: Options without a value that change nothing of what is translated: progress, and brackets in URLs.
_SILENT = set("sSg")
_FLAGS = {"i": "shows_head", "N": "is_stream", "I": "is_head", "--fail-with-body": "checked"}
_VALUES = {
    "-X": "method",
    "-d": "data",
    "-o": "target",
    "-D": "head_target",
    "-w": "after",
    "-A": "agent",
    "--max-time": "seconds",
}


@dataclass
class Options:
    """What a call of curl asks for."""

    url: Word = ()
    headers: list[Word] = field(default_factory=list)
    values: dict[str, Word] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    @property
    def method(self) -> str:
        if "method" in self.values:
            return plain(self.values["method"])
        return "HEAD" if "is_head" in self.flags else "POST" if "data" in self.values else "GET"

    @property
    def shows_head(self) -> bool:
        return bool(self.flags & {"shows_head", "is_head"}) or "head_target" in self.values

    @property
    def shows_body(self) -> bool:
        return "target" not in self.values and "is_head" not in self.flags


def options_of(words: Sequence[Word]) -> Options:
    """What the words after ``curl`` ask for."""
    found, rest = Options(), list(words)
    while rest:
        word = rest.pop(0)
        name = word[0] if word and isinstance(word[0], str) and word[0].startswith("-") else ""
        if not name:
            found.url = word
        elif (name == "-H" or name in _VALUES) and not rest:
            raise Untranslatable(f"{name} without a value")
        elif name == "-H":
            found.headers.append(rest.pop(0))
        elif name in _VALUES:
            found.values[_VALUES[name]] = rest.pop(0)
        else:
            found.flags |= _flags_of(name)
    _check(found)
    return found


def _flags_of(name: str) -> set[str]:
    flags = [name] if name.startswith("--") else [letter for letter in name[1:] if letter not in _SILENT]
    if unknown := [flag for flag in flags if flag not in _FLAGS]:
        raise Untranslatable(f"curl's option {unknown[0]}")
    return {_FLAGS[flag] for flag in flags}


def _check(found: Options) -> None:
    if found.values.get("target", ("/dev/null",)) != ("/dev/null",):
        raise Untranslatable("a file")
    if found.values.get("head_target", ("-",)) != ("-",):
        raise Untranslatable("a file")
    if str(found.values.get("data", [""])[0]).startswith("@"):
        raise Untranslatable("a body from a file")
