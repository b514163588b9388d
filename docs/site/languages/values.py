"""What words and pipelines of the shell are as expressions, with the requests that they need."""

import re
from collections.abc import Mapping, Sequence

from . import tree
from .filters import Branch, Filters, one_of
from .parsing import jq
from .parsing.curl import Options, options_of
from .parsing.shell import Call, Output, Pipe, Untranslatable, Variable, Word, plain
from .scope import Page
from .tree import Apply, Ask, Body, Literal, Name, Node, Statement, Text
from .words import changed, header_of, json_of, text_of

_CODE = re.compile(r"(%\{http_code\})")


class Values:
    """Expressions of a block, or of a function's body; `made` are the statements that they need before them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.made: list[Statement] = []
        self.parameters: dict[str, str] = {}
        self.json: set[str] = set()

    def pipeline(self, calls: Sequence[Call]) -> tuple[list[Branch], str]:
        """What a pipeline prints, and how."""
        branches, style = self._source(calls[0])
        for call in calls[1:]:
            if call.name == "jq":
                branches, style = self._filtered(call, branches)
            elif call.name == "tail" and branches == [Branch((), Body())]:
                branches, style = [_last_lines(call)], "text"
            else:
                raise Untranslatable(call.name)
        return branches, style

    def one(self, branches: Sequence[Branch]) -> Node:
        """The one value of branches; what it needs is made first."""
        branch = one_of(branches)
        self.made += [tree.Set(clause.name, clause.value) for clause in branch.clauses if isinstance(clause, tree.Bind)]
        return branch.value

    def capture(self, output: Output) -> tuple[Node, str]:
        """The value of ``$(…)``, and how it is printed."""
        branches, style = self.pipeline(calls_of(output))
        return self.one(branches), style

    def text_of(self, word: Word) -> Node:
        """A word as a text."""
        return text_of(word, self._expand)

    def json_of(self, word: Word) -> Node:
        """A word as JSON: a text, or one variable or output that is."""
        if len(word) == 1 and isinstance(word[0], Variable | Output):
            return self._value_of(word[0])
        return json_of(word, self._expand, self._value_of)

    def header_of(self, word: Word) -> tuple[Node | None, Node]:
        """A header, or a variable that is one."""
        if len(word) == 1 and isinstance(word[0], Variable):
            return None, self._expand(word[0])
        return header_of(word, self._expand)

    def request(self, options: Options, *, shows: bool) -> None:
        """Make a request, and what prints the parts of its response that curl shows."""
        headers = [self.header_of(word) for word in options.headers]
        if "agent" in options.values:
            headers.append((Literal("User-Agent"), self.text_of(options.values["agent"])))
        body = self.json_of(options.values["data"]) if "data" in options.values else None
        kind = tree.Stream if shows and "is_stream" in options.flags else tree.Request
        self.made.append(kind(options.method, self.text_of(options.url), tuple(headers), body, "checked" in options.flags))
        if options.shows_head:
            self.made.append(tree.PrintHead())
        if shows and kind is tree.Request:
            self.made += _shown(options)

    def _source(self, call: Call) -> tuple[list[Branch], str]:
        """What a command prints that reads nothing of another one."""
        if call.name == "curl":
            self.request(options_of(call.words[1:]), shows=False)
            return [Branch((), Body())], "lines"
        if call.name == "jq":
            given = self.json_of(call.given) if call.given else Literal(None)
            return self._filtered(call, [Branch((), given)])
        if call.name == "echo":
            return [Branch((), self.text_of(call.words[1]))], self._style_of(call.words[1])
        if call.name in self.page.functions:
            return [Branch((), self._ask(call))], self.page.functions[call.name].style
        raise Untranslatable(call.name)

    def _filtered(self, call: Call, branches: Sequence[Branch]) -> tuple[list[Branch], str]:
        """What jq makes of values."""
        flags, variables, program = "", dict[str, Node](), Word()
        words = list(call.words[1:])
        while words:
            word = words.pop(0)
            if word == ("--arg",):
                name, value = plain(words.pop(0)), words.pop(0)
                variables[name] = self.text_of(value)
            elif str(word[0]).startswith("-"):
                flags += plain(word)[1:]
            else:
                program = word
        text, placed = self._program(program)
        filters, filter_ = Filters(self.page.free, {**variables, **placed}), jq.parse(text)
        found = [Branch(one.clauses + two.clauses, two.value) for one in branches for two in filters.bound(filter_, one.value)]
        return found, "text" if "r" in flags else "line" if "c" in flags else "lines"

    def _program(self, word: Word) -> tuple[str, Mapping[str, Node]]:
        """A program of jq, in which what the shell places is a variable, and these variables."""
        placed: dict[str, Node] = {}
        text = ""
        for part in word:
            if isinstance(part, str):
                text += part
            else:
                text += f"$placed_{len(placed)}"
                placed[f"placed_{len(placed)}"] = self._expand(part)
        return re.sub(r'"(\$placed_\d+)"', r"\1", text), placed

    def _expand(self, part: Variable | Output) -> Node:
        """An expansion as a value."""
        if isinstance(part, Output):
            return self.capture(part)[0]
        name = self.parameters.get(part.name, part.name)
        if name not in self.page.styles:
            raise Untranslatable(f"${name}, which is not translated")
        return changed(name, part.change)

    def _value_of(self, part: Variable | Output) -> Node:
        """An expansion as JSON; a parameter of a function takes JSON from here on."""
        value = self._expand(part)
        if isinstance(value, Name) and value.name in self.parameters.values():
            self.json.add(value.name)
        return value

    def _style_of(self, word: Word) -> str:
        """How a word is printed."""
        is_variable = len(word) == 1 and isinstance(word[0], Variable)
        return self.page.styles.get(word[0].name, "text") if is_variable else "text"  # type: ignore[union-attr]

    def _ask(self, call: Call) -> Ask:
        """A call of a function of the page."""
        function = self.page.functions[call.name]
        pairs = zip(function.parameters, call.words[1:], strict=True)
        return Ask(call.name, tuple(self.json_of(word) if name in function.json else self.text_of(word) for name, word in pairs))


def calls_of(output: Output) -> Sequence[Call]:
    """The pipeline that ``$(…)`` is."""
    if len(output.script) != 1 or not isinstance(output.script[0], Pipe):
        raise Untranslatable("more than a pipeline in $(…)")
    return output.script[0].calls


def _last_lines(call: Call) -> Branch:
    return Branch((), Apply("last_lines", (Body(is_text=True), Literal(int(plain(call.words[2]))))))


def _shown(options: Options) -> list[Statement]:
    """That the body is printed, and what ``-w`` says after it."""
    parts: list[Node] = [Body(is_text=True)] if options.shows_body else []
    for text in _CODE.split(plain(options.values.get("after", ())).replace("\\n", "")):
        parts += [tree.Status() if text.startswith("%") else Literal(text)] if text else []
    return [tree.Print(parts[0] if len(parts) == 1 else Text(tuple(parts)), "text")] if parts else []
