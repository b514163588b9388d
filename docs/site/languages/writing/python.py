"""Examples in Python, with httpx2."""

import builtins
import json
import keyword
from collections.abc import Iterator, Sequence
from functools import singledispatch

from .. import tree
from ..parsing.shell import Untranslatable
from ..tree import Each, Node, Statement, When
from .layout import Code, Group, call, flat, lines, quoted

_STEP = "    "
_CLIENT = "import httpx2\n\nclient = httpx2.Client(timeout=60)\n"
#: What a page's first block imports, if the page has what is named first.
_IMPORTS = {
    "json.dumps(": "import json",
    "time.sleep(": "import time",
    "datetime.now(": "from datetime import UTC, datetime",
    "timedelta(": "from datetime import timedelta",
}
_NOW = tree.Apply("now", ())
Lines = Iterator[tuple[int, Code]]


def page(blocks: Sequence[Sequence[Statement]]) -> list[str]:
    """The code of each block; the first one imports what all need."""
    codes = [lines(_lines(block, 0), _STEP) for block in blocks]
    imports = [line for sign, line in _IMPORTS.items() if any(sign in code for code in codes)]
    head = "\n".join([*imports, "", _CLIENT] if imports else [_CLIENT])
    return [head * (number == 0) + code for number, code in enumerate(codes)]


def variable(name: str) -> str:
    """The name of a variable of the page, or of the translation."""
    small = name.lower()
    return f"{small}_" if keyword.iskeyword(small) or hasattr(builtins, small) else small


def _lines(statements: Sequence[Statement], depth: int) -> Lines:
    for statement in statements:
        yield from _statement(statement, depth)


@singledispatch
def _statement(statement: Statement, depth: int) -> Lines:
    """The lines of a statement, each with how deep it stands."""
    raise Untranslatable(f"{statement} in Python")


@_statement.register
def _(statement: tree.Set, depth: int) -> Lines:
    if statement.name != "JSON":  # httpx2 sets this header itself
        yield depth, [f"{variable(statement.name)} = ", _code(statement.value)]


@_statement.register
def _(statement: tree.Request, depth: int) -> Lines:
    yield depth, [f"response = client.{statement.method.lower()}", _request(statement)]
    if statement.checked:
        yield depth, "response.raise_for_status()"


@_statement.register
def _(statement: tree.Stream, depth: int) -> Lines:
    yield depth, ["with client.stream", _request(statement, f'"{statement.method}"'), " as response:"]
    yield depth + 1, "response.raise_for_status()"
    yield depth + 1, "for line in response.iter_lines():"
    yield depth + 2, "print(line)"


@_statement.register
def _(statement: tree.PrintHead, depth: int) -> Lines:
    yield depth, "print(response.status_code, response.reason_phrase)"
    yield depth, "for name, value in response.headers.items():"
    yield depth + 1, 'print(f"{name}: {value}")'


@_statement.register
def _(statement: tree.Print, depth: int) -> Lines:
    value = _code(statement.value)
    if statement.style != "text":
        value = ["json.dumps", call(value, *(["indent=2"] if statement.style == "lines" else []))]
    yield depth, ["print", call(value)]


@_statement.register
def _(statement: tree.Block, depth: int) -> Lines:
    head = [f"for _ in range({statement.head})"] if isinstance(statement.head, int) else _clause(statement.head)
    yield depth, [*head, ":"]
    yield from _lines(statement.body, depth + 1)


@_statement.register
def _(statement: tree.Define, depth: int) -> Lines:
    yield from ((0, ""), (0, ""))
    yield depth, f"def {variable(statement.name)}({', '.join(map(variable, statement.parameters))}):"
    yield from _lines(statement.body, depth + 1)
    yield from ((0, ""), (0, ""))


@_statement.register
def _(statement: tree.Break, depth: int) -> Lines:
    yield depth, "break"


@_statement.register
def _(statement: tree.Sleep, depth: int) -> Lines:
    yield depth, f"time.sleep({statement.seconds:g})"


@_statement.register
def _(statement: tree.Return, depth: int) -> Lines:
    yield depth, ["return ", _code(statement.value)]


@_statement.register
def _(statement: tree.Do, depth: int) -> Lines:
    yield depth, _code(statement.call)


@_statement.register
def _(statement: tree.Fail, depth: int) -> Lines:
    yield depth, ["raise RuntimeError", call(_code(statement.value))]


def _request(request: tree.Request, *first: Code) -> Group:
    arguments: list[Code] = [*first, _code(request.url)]
    headers = tree.headers_of(request, without="JSON")
    if headers:
        arguments.append(["headers=", _code(headers)])
    if request.body is not None:
        arguments.append(["json=", _code(request.body)])
    return call(*arguments)


def _clause(clause: tree.Clause) -> list[Code]:
    if isinstance(clause, Each):
        return [f"for {variable(clause.name)} in ", _code(clause.of)]
    if isinstance(clause, When):
        return ["if ", _code(clause.condition)]
    raise Untranslatable("a name within a list")


@singledispatch
def _code(node: Node) -> Code:
    """An expression."""
    raise Untranslatable(f"{node} in Python")


@_code.register
def _(node: tree.Literal) -> Code:
    return quoted(node.value) if isinstance(node.value, str) else str(node.value)


@_code.register
def _(node: tree.Name) -> Code:
    return variable(node.name)


@_code.register
def _(node: tree.Body) -> Code:
    return "response.text" if node.is_text else "response.json()"


@_code.register
def _(node: tree.Status) -> Code:
    return "response.status_code"


@_code.register
def _(node: tree.Get) -> Code:
    return [_atom(node.of), f"[{_code(tree.Literal(node.key))}]"]


@_code.register
def _(node: tree.Part) -> Code:
    return [_atom(node.of), f"[{node.start or ''}:{node.end or ''}]"]


@_code.register
def _(node: tree.Object) -> Code:
    return Group(
        "{", tuple(["**", _code(value)] if key is None else [_code(key), ": ", _code(value)] for key, value in node.pairs), "}"
    )


@_code.register
def _(node: tree.List) -> Code:
    return Group("[", tuple(map(_code, node.items)), "]")


@_code.register
def _(node: tree.Text) -> Code:
    texts = (
        _literal(part) if isinstance(part, tree.Literal) else "{" + flat(_code(part)).replace('"', "'") + "}"
        for part in node.parts
    )
    return f'f"{"".join(texts)}"'


def _literal(part: tree.Literal) -> str:
    return json.dumps(str(part.value), ensure_ascii=False)[1:-1].replace("{", "{{").replace("}", "}}")


@_code.register
def _(node: tree.Choice) -> Code:
    return [_atom(node.then), " if ", _code(node.condition), " else ", _atom(node.otherwise)]


@_code.register
def _(node: tree.Operation) -> Code:
    sign = {"//": "or"}.get(node.sign, node.sign)
    if node.right == tree.Literal(None):
        sign = {"==": "is", "!=": "is not"}.get(sign, sign)
    return [_atom(node.left, beside=node.sign), f" {sign} ", _atom(node.right)]


@_code.register
def _(node: tree.Ask) -> Code:
    return [variable(node.function), call(*map(_code, node.arguments))]


@_code.register
def _(node: tree.Collect) -> Code:
    return Group("[", (_code(node.value), *map(_clause, node.clauses)), "]", separator="")


@_code.register
def _(node: tree.First) -> Code:
    found = Group("(", (_code(node.value), *map(_clause, node.clauses)), ")", separator="")
    return ["next", found if node.otherwise is None else call(found, _code(node.otherwise))]


@_code.register
def _(node: tree.Apply) -> Code:
    if node.function == "todate":
        return _time(node.arguments[0])
    value, *others = map(_code, node.arguments)
    listed = Group("(", tuple(others), ")")
    if node.function == "without":
        kept = ["if name not in ", listed] if len(others) > 1 else ["if name != ", *others]
        return Group("{", ("name: value", ["for name, value in ", value, ".items()"], kept), "}", separator="")
    written: dict[str, Code] = {
        "add": ["sum", call([value, ".values()"])],
        "filled": value,
        "in": [value, " in ", listed],
        "join": [*others, ".join", call(value)],
        "keys": ["sorted", call(value)],
        "last_lines": ['"\\n".join', call([value, ".splitlines()[-", *others, ":]"])],
        "length": ["len", call(value)],
        "not": _negated(node.arguments[0]),
        "split": [value, ".split", listed],
        "startswith": [value, ".startswith", listed],
        "without_end": [value, ".removesuffix", listed],
    }
    return written[node.function]


def _negated(node: Node) -> Code:
    if isinstance(node, tree.Apply) and node.function == "in":
        value, *others = map(_code, node.arguments)
        return [value, " not in ", Group("(", tuple(others), ")")]
    return ["not ", _atom(node)]


def _time(node: Node) -> Code:
    if isinstance(node, tree.Operation) and node.left == _NOW:
        return ["(datetime.now(UTC) + timedelta(seconds=", _code(node.right), ")).isoformat()"]
    return "datetime.now(UTC).isoformat()"


def _atom(node: Node, beside: str = "") -> Code:
    """An expression within another one, in brackets if it needs them; what has the sign `beside` it needs none."""
    bare = not isinstance(node, tree.Operation | tree.Choice) or (isinstance(node, tree.Operation) and node.sign == beside)
    return _code(node) if bare else ["(", _code(node), ")"]
