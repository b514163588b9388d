"""The part of the shell that the examples use, as a tree; what is outside of it is Untranslatable."""

import re
from dataclasses import dataclass

_BLANK = re.compile(r"(?:[ \t]|\\\n)*")
_BETWEEN = re.compile(r"(?:[\s;]|\\\n|#[^\n]*)*")
_ASSIGNMENT = re.compile(r"([A-Z_][A-Z0-9_]*)=")
_FUNCTION = re.compile(r"([a-z]\w*)\(\) *\{")
_FOR = re.compile(r"for ([A-Za-z]\w*) in\b")
_EXPANSION = re.compile(r"\$(?:(\w+)|\{(\w+)([^}]*)\})")
_PLAIN = re.compile(r"[^\s;|&)<>'\"\\$]+")
_ENDS_A_CALL = "\n;|&)"


class Untranslatable(Exception):
    """What an example does that has no translation."""


@dataclass(frozen=True)
class Variable:
    """``$NAME``, or ``${NAME%suffix}`` with `change`."""

    name: str
    change: str = ""


@dataclass(frozen=True)
class Output:
    """``$(…)``: what commands print."""

    script: tuple["Statement", ...]


#: Texts and expansions that follow each other without a blank.
Word = tuple[str | Variable | Output, ...]


@dataclass(frozen=True)
class Call:
    """A command with its arguments; `given` is its standard input, `target` where its output goes."""

    words: tuple[Word, ...]
    given: Word | None = None
    target: str = ""

    @property
    def name(self) -> str:
        return plain(self.words[0])


@dataclass(frozen=True)
class Pipe:
    """Commands of which each reads what the one before prints."""

    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Assign:
    """``NAME=word``."""

    name: str
    word: Word


@dataclass(frozen=True)
class For:
    """``for NAME in words; do body; done``."""

    name: str
    words: tuple[Word, ...]
    body: tuple["Statement", ...]


@dataclass(frozen=True)
class If:
    """``if condition; then body; fi``, and ``condition && body``."""

    condition: "Statement"
    body: tuple["Statement", ...]


@dataclass(frozen=True)
class Function:
    """``name() { body; }``."""

    name: str
    body: tuple["Statement", ...]


Statement = Pipe | Assign | For | If | Function


def parse(script: str) -> tuple[Statement, ...]:
    """The statements of a script."""
    return _Reader(script).script()


def plain(word: Word) -> str:
    """A word without expansions, as it stands."""
    if not all(isinstance(part, str) for part in word):
        raise Untranslatable(f"an expansion in {word}")
    return "".join(str(part) for part in word)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def script(self, *ends: str) -> tuple[Statement, ...]:
        """The statements up to one of `ends`, which is taken too."""
        statements: list[Statement] = []
        while True:
            self._take(_BETWEEN)
            if self._is_over(ends):
                return tuple(statements)
            statements.append(self._statement())

    def _is_over(self, ends: tuple[str, ...]) -> bool:
        if self.at == len(self.text) and not ends:
            return True
        return any(self._take(re.compile(re.escape(end) + r"(?![\w=])")) for end in ends)

    def _take(self, pattern: re.Pattern[str]) -> "re.Match[str] | None":
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return found

    def _statement(self) -> Statement:
        if found := self._take(_FUNCTION):
            return Function(found[1], self.script("}"))
        if found := self._take(_FOR):
            words = self._words()
            self._expect("do")
            return For(found[1], words, self.script("done"))
        if self._take(re.compile(r"if\b")):
            condition = self.script("then")
            if len(condition) == 1:
                return If(condition[0], self.script("fi"))
            raise Untranslatable("a condition of several commands")
        if found := self._take(_ASSIGNMENT):
            return Assign(found[1], self._word())
        return self._pipe()

    def _expect(self, word: str) -> None:
        self._take(_BETWEEN)
        if not self._take(re.compile(rf"{word}\b")):
            raise Untranslatable(f"no {word} where it is expected")

    def _pipe(self) -> Statement:
        calls = [self._call()]
        while self._take(re.compile(r"\|(?!\|)")):
            self._take(_BETWEEN)
            calls.append(self._call())
        if self._take(re.compile("&&")):
            self._take(_BLANK)
            return If(Pipe(tuple(calls)), (self._statement(),))
        return Pipe(tuple(calls))

    def _call(self) -> Call:
        words, given, target = list(self._words()), None, ""
        while self.at < len(self.text) and self.text[self.at] in "<>":
            if self._take(re.compile("<<< *")):
                given = self._word()
            elif self._take(re.compile("> *&2")):
                target = "errors"
            elif self._take(re.compile("> */dev/null")):
                target = "nowhere"
            else:
                raise Untranslatable("a file or a here-document")
            words += self._words()
        if not words or words[0] == ("while",):
            raise Untranslatable("no command that is known" if not words else "while")
        return Call(tuple(words), given, target)

    def _words(self) -> tuple[Word, ...]:
        words: list[Word] = []
        while self._take(_BLANK) and self.at < len(self.text) and self.text[self.at] not in _ENDS_A_CALL + "<>":
            begin = self.at
            words.append(self._word())
            if self.at == begin:
                raise Untranslatable(f"a word that begins with {self.text[begin]}")
        return tuple(words)

    def _word(self) -> Word:
        parts: list[str | Variable | Output] = []
        while self.at < len(self.text) and not self.text.startswith("\\\n", self.at):
            if found := self._take(_PLAIN):
                parts.append(found[0])
            elif found := self._take(re.compile(r"'([^']*)'")):
                parts.append(found[1])
            elif self._take(re.compile('"')):
                parts += self._quoted() or [""]
            elif self._take(re.compile(r"\\")):
                parts.append(self._character())
            elif self.text[self.at] == "$":
                parts.append(self._expansion())
            else:
                break
        return joined(parts)

    def _quoted(self) -> list[str | Variable | Output]:
        parts: list[str | Variable | Output] = []
        while not self._take(re.compile('"')):
            if self.text.startswith("$", self.at):
                parts.append(self._expansion())
            elif self._take(re.compile(r"\\(?=[\"$`\\])")):
                parts.append(self._character())
            else:
                parts.append(self._character())
        return parts

    def _character(self) -> str:
        if self.at == len(self.text):
            raise Untranslatable("a quotation that does not end")
        self.at += 1
        return self.text[self.at - 1]

    def _expansion(self) -> str | Variable | Output:
        if self._take(re.compile(r"\$\(")):
            return Output(self.script(")"))
        if found := self._take(_EXPANSION):
            return Variable(found[1] or found[2], found[3] or "")
        return self._character()


def joined(parts: list[str | Variable | Output]) -> Word:
    """The parts, of which neighbours that are texts are one."""
    word: list[str | Variable | Output] = []
    for part in parts:
        if isinstance(part, str) and word and isinstance(word[-1], str):
            word[-1] += part
        else:
            word.append(part)
    return tuple(word)
