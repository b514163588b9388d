"""What the commands of an example do, as statements."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from . import tree
from .filters import Branch
from .parsing import shell
from .parsing.curl import options_of
from .parsing.shell import Call, Output, Pipe, Untranslatable, Variable, Word, plain
from .scope import Function, Page
from .tree import Apply, Ask, Each, Literal, Node, Object, Operation, Statement, When
from .values import Values, calls_of
from .words import is_header, is_json

_TIMES = re.compile(r"\{1\.\.(\d+)\}")
_SIGNS = {"=": "==", "!=": "!=", "-gt": ">"}


class Commands(Values):
    """Statements made of the commands of a block, or of the body of a `function`."""

    def __init__(self, page: Page, function: str = "") -> None:
        super().__init__(page)
        self.function = function
        self.style = ""

    def script(self, statements: Sequence[shell.Statement]) -> tuple[Statement, ...]:
        """What the statements do."""
        before, self.made = self.made, []
        for statement in statements:
            self._add(statement)
        made, self.made = self.made, before
        return tuple(made)

    def _add(self, statement: shell.Statement) -> None:
        match statement:
            case shell.Assign():
                self._assign(statement.name, statement.word)
            case shell.For():
                self._loop(statement.name, statement.words, statement.body)
            case shell.If():
                self.made.append(tree.Block(When(self._condition(statement.condition)), self.script(statement.body)))
            case shell.Function():
                self._define(statement.name, statement.body)
            case Pipe((call,)) if call.name in _BUILT_IN:
                _BUILT_IN[call.name](self, call)
            case Pipe():
                self._run(statement.calls)

    def _break(self, call: Call) -> None:
        self.made.append(tree.Break())

    def _sleep(self, call: Call) -> None:
        self.made.append(tree.Sleep(float(plain(call.words[1]))))

    def _return(self, call: Call) -> None:
        """Nothing: what a function prints last is what it returns."""

    def _local(self, call: Call) -> None:
        """Name the parameters of a function: ``local NAME=$1``."""
        named = (word for word in call.words[1:] if len(word) == 2)
        self.parameters |= {value.name: str(name).removesuffix("=") for name, value in named if isinstance(value, Variable)}
        self.page.styles |= dict.fromkeys(self.parameters.values(), "text")

    def _run(self, calls: Sequence[Call]) -> None:
        """Add what a pipeline does; what it prints is printed, or returned by a function that answers."""
        target = calls[-1].target
        if target == "" and [call.name for call in calls] == ["curl"]:
            self.request(options_of(calls[0].words[1:]), shows=True)
            return
        branches, style = self.pipeline(calls)
        value = branches[0].value
        if target == "errors":
            self.made.append(tree.Fail(self.one(branches)))
        elif isinstance(value, Ask) and (target == "nowhere" or value.function not in self.page.answering):
            self.made.append(tree.Do(value))
        elif target == "" and self.function in self.page.answering:
            self.style = style
            self.made.append(tree.Return(self.one(branches)))
        elif target == "":
            self.made += _nested(branches, lambda value: tree.Print(value, style))

    def _assign(self, name: str, word: Word) -> None:
        """Add that a variable gets a value."""
        if len(word) == 1 and isinstance(word[0], Output):
            value, style = self.capture(word[0])
        elif is_json(word):
            value, style = self.json_of(word), "line"
        elif is_header(word):
            value, style = Object((self.header_of(word),)), "header"
        else:
            value, style = self.text_of(word), "text"
        self.page.styles[name] = style
        self.made.append(tree.Set(name, value))

    def _loop(self, name: str, words: Sequence[Word], body: Sequence[shell.Statement]) -> None:
        """Add what happens for each word, or a number of times."""
        self.page.styles[name] = "text"
        head: Each | int = len(words)
        if times := _TIMES.fullmatch(str(words[0][0])):
            head = int(times[1])
        elif f"Variable(name={name!r}" in repr(body):
            head = Each(name, self._list_of(words))
        self.made.append(tree.Block(head, self.script(body)))

    def _list_of(self, words: Sequence[Word]) -> Node:
        if len(words) == 1 and isinstance(output := words[0][0], Output):
            [branch], _ = self.pipeline(calls_of(output))
            return tree.Collect(branch.value, branch.clauses)
        return tree.List(tuple(map(self.text_of, words)))

    def _define(self, name: str, body: Sequence[shell.Statement]) -> None:
        """Add a function."""
        inner = Commands(self.page, name)
        statements = inner.script(body)
        parameters = tuple(inner.parameters[number] for number in sorted(inner.parameters))
        self.page.functions[name] = Function(parameters, frozenset(inner.json), inner.style)
        self.made.append(tree.Define(name, parameters, frozenset(inner.json), statements))

    def _condition(self, pipe: shell.Statement) -> Node:
        """A condition: of ``[ … ]``, or of what ``jq -e`` prints."""
        if not isinstance(pipe, Pipe):
            raise Untranslatable("a condition of several parts")
        if pipe.calls[0].name != "[":
            return self.one(self.pipeline(pipe.calls)[0])
        match [self.text_of(word) for word in pipe.calls[0].words[1:-1]]:
            case [Literal("-n"), value]:
                return value
            case [left, Literal("!="), Literal("[]")]:
                return Apply("filled", (left,))
            case [left, Literal("-gt"), Literal(number)]:
                return Operation(">", left, Literal(int(number)))
            case [left, Literal("=" | "!=" as sign), right]:
                return Operation(_SIGNS[sign], left, right)
        raise Untranslatable("a condition")


_BUILT_IN: dict[str, Callable[[Commands, Call], None]] = {
    "break": Commands._break,
    "sleep": Commands._sleep,
    "return": Commands._return,
    "local": Commands._local,
}


def _nested(branches: Sequence[Branch], last: Callable[[Node], Statement]) -> Iterator[Statement]:
    """A statement for each value, within what it comes under; what values have in common stands once."""
    for clauses, together in groupby(branches, key=lambda branch: branch.clauses[:1]):
        if clauses:
            yield from _under(clauses[0], _nested([Branch(one.clauses[1:], one.value) for one in together], last))
        else:
            yield from (last(one.value) for one in together)


def _under(clause: tree.Clause, statements: Iterator[Statement]) -> Iterator[Statement]:
    if isinstance(clause, tree.Bind):
        yield tree.Set(clause.name, clause.value)
        yield from statements
    else:
        yield tree.Block(clause, tuple(statements))
