"""What a translated example does, in no language yet: expressions and statements, which Python and TypeScript are written from."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


class Node:
    """An expression, or a part of one."""


@dataclass(frozen=True)
class Literal(Node):
    """A text, a number, a truth value or nothing."""

    value: Any


@dataclass(frozen=True)
class Name(Node):
    """A variable: one of the page in capital letters, as there, one of the translation in small ones."""

    name: str


@dataclass(frozen=True)
class Body(Node):
    """The JSON body of the last response, or its text."""

    is_text: bool = False


@dataclass(frozen=True)
class Status(Node):
    """The status code of the last response."""


@dataclass(frozen=True)
class Get(Node):
    """A field of an object, or an item of a list."""

    of: Node
    key: str | int


@dataclass(frozen=True)
class Part(Node):
    """A part of a text or list, from and to; the end is None where there is none."""

    of: Node
    start: int
    end: int | None


@dataclass(frozen=True)
class Object(Node):
    """An object; a pair without a key holds an object, whose fields it takes over."""

    pairs: tuple[tuple[Node | None, Node], ...]


@dataclass(frozen=True)
class List(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Text(Node):
    """A text with values in it."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Operation(Node):
    """Two values with ``==``, ``!=``, ``>``, ``+``, or ``//``: the first unless it is missing."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Choice(Node):
    """One value or another, by a condition."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True)
class Apply(Node):
    """One of the functions that each language has in its own way, such as ``length``."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Ask(Node):
    """A call of a function that the page defines."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Each(Node):
    """For each item of a list."""

    name: str
    of: Node


@dataclass(frozen=True)
class When(Node):
    """Only if."""

    condition: Node


@dataclass(frozen=True)
class Bind(Node):
    """With a name for a value that is used more than once."""

    name: str
    value: Node


#: What comes before a value that comes more than once, or under a condition.
Clause = Each | When | Bind


@dataclass(frozen=True)
class Collect(Node):
    """A list of a value for each item of others."""

    value: Node
    clauses: tuple[Clause, ...]


@dataclass(frozen=True)
class First(Node):
    """The first of such values, or `otherwise`; without that there must be one."""

    value: Node
    clauses: tuple[Clause, ...]
    otherwise: Node | None = None

    @property
    def has_default(self) -> bool:
        """Whether there is something else than nothing where no value is found."""
        return self.otherwise not in (None, Literal(None))


@dataclass(frozen=True)
class Statement:
    """A statement."""


@dataclass(frozen=True)
class Set(Statement):
    """A variable gets a value."""

    name: str
    value: Node


@dataclass(frozen=True)
class Request(Statement):
    """A request, whose response is the last one from here; an error is raised if `checked`."""

    method: str
    url: Node
    headers: tuple[tuple[Node | None, Node], ...] = ()
    body: Node | None = None
    checked: bool = True


def headers_of(request: Request, without: str = "") -> Node | None:
    """The headers of a request as an expression, without a variable that is one."""
    headers = tuple(header for header in request.headers if header != (None, Name(without)))
    if len(headers) == 1 and headers[0][0] is None:
        return headers[0][1]
    return Object(headers) if headers else None


@dataclass(frozen=True)
class Stream(Request):
    """A request whose response is printed line by line, while it comes."""


@dataclass(frozen=True)
class Print(Statement):
    """A value is printed: as ``text``, as JSON in ``lines``, or as JSON in one ``line``."""

    value: Node
    style: str


@dataclass(frozen=True)
class PrintHead(Statement):
    """The status and the headers of the last response are printed."""


@dataclass(frozen=True)
class Block(Statement):
    """Statements for each item, for a number of times, or under a condition."""

    head: Each | When | int
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Break(Statement):
    """The innermost loop ends."""


@dataclass(frozen=True)
class Sleep(Statement):
    """Some seconds pass."""

    seconds: float


@dataclass(frozen=True)
class Return(Statement):
    """A function answers."""

    value: Node


@dataclass(frozen=True)
class Do(Statement):
    """A function of the page is called for what it does."""

    call: Ask


@dataclass(frozen=True)
class Fail(Statement):
    """An error is raised that shows a value."""

    value: Node


@dataclass(frozen=True)
class Define(Statement):
    """A function with parameters; those of `json` take JSON, the others texts."""

    name: str
    parameters: tuple[str, ...]
    json: frozenset[str]
    body: tuple[Statement, ...]


def parts_of(what: Any) -> Iterator[Any]:
    """A statement or expression, and everything in it."""
    if isinstance(what, tuple):
        for one in what:
            yield from parts_of(one)
    elif isinstance(what, Node | Statement):
        yield what
        for field in fields(what):  # type: ignore[arg-type] # each of them is a dataclass
            yield from parts_of(getattr(what, field.name))
