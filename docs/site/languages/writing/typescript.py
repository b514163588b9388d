"""Examples in TypeScript, with the fetch of Node.js and browsers."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import singledispatch

from .. import tree
from ..parsing.shell import Untranslatable
from ..tree import Each, Node, Statement, When
from .declarations import Declarations
from .layout import Code, Group, call, flat, lines, quoted

#: What a page's first block imports, if the page has what is named first.
_IMPORTS = {"await sleep(": 'import { setTimeout as sleep } from "node:timers/promises";\n\n'}
_RESERVED = frozenset(
    "case class const default delete do export function import in new package return switch this try typeof var with".split()
)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_SIGNS = {"==": "===", "!=": "!==", "//": "??"}
_NOW = tree.Apply("now", ())
Lines = Iterator[tuple[int, Code]]


def page(blocks: Sequence[Sequence[Statement]]) -> list[str]:
    """The code of each block; the first one imports what all need."""
    declared = Declarations([statement for block in blocks for statement in block])
    codes = [lines(_lines(block, 0, declared), step="  ") for block in blocks]
    head = "".join(line for sign, line in _IMPORTS.items() if any(sign in code for code in codes))
    return [head * (number == 0) + code for number, code in enumerate(codes)]


def variable(name: str) -> str:
    """The name of a variable of the page, or of the translation."""
    first, *rest = name.lower().split("_")
    camel = first + "".join(part.capitalize() for part in rest)
    return f"{camel}_" if camel in _RESERVED else camel


def _lines(statements: Sequence[Statement], depth: int, declared: Declarations) -> Lines:
    for statement in statements:
        yield from ((depth, f"let {variable(name)}: any;") for name in declared.before(statement))
        yield from _statement(statement, depth, declared)


@singledispatch
def _statement(statement: Statement, depth: int, declared: Declarations) -> Lines:
    """The lines of a statement, each with how deep it stands."""
    raise Untranslatable(f"{statement} in TypeScript")


@_statement.register
def _(statement: tree.Set, depth: int, declared: Declarations) -> Lines:
    yield depth, [f"{declared.keyword(statement)}{variable(statement.name)} = ", _code(statement.value), ";"]


@_statement.register
def _(statement: tree.Request, depth: int, declared: Declarations) -> Lines:
    yield depth, [f"{declared.keyword(statement)}response = await fetch", _request(statement), ";"]
    if statement.checked:
        yield depth, "if (!response.ok) throw new Error(await response.text());"
    if isinstance(statement, tree.Stream):
        yield depth, "for await (const chunk of response.body!) process.stdout.write(chunk);"


@_statement.register
def _(statement: tree.PrintHead, depth: int, declared: Declarations) -> Lines:
    yield depth, "console.log(response.status, response.statusText);"
    yield depth, "response.headers.forEach((value, name) => console.log(`${name}: ${value}`));"


@_statement.register
def _(statement: tree.Print, depth: int, declared: Declarations) -> Lines:
    value = _code(statement.value)
    if statement.style != "text":
        value = ["JSON.stringify", call(value, *(["null", "2"] if statement.style == "lines" else []))]
    yield depth, ["console.log", call(value), ";"]


@_statement.register
def _(statement: tree.Block, depth: int, declared: Declarations) -> Lines:
    if statement.body == (tree.Break(),):
        yield depth, [*_head(statement.head), " break;"]
        return
    yield depth, [*_head(statement.head), " {"]
    yield from _lines(statement.body, depth + 1, declared)
    yield depth, "}"


@_statement.register
def _(statement: tree.Define, depth: int, declared: Declarations) -> Lines:
    parameters = (f"{variable(one)}: {'unknown' if one in statement.json else 'string'}" for one in statement.parameters)
    yield from ((0, ""), (depth, f"async function {variable(statement.name)}({', '.join(parameters)}) {{"))
    yield from _lines(statement.body, depth + 1, Declarations(statement.body))
    yield from ((depth, "}"), (0, ""))


@_statement.register
def _(statement: tree.Break, depth: int, declared: Declarations) -> Lines:
    yield depth, "break;"


@_statement.register
def _(statement: tree.Sleep, depth: int, declared: Declarations) -> Lines:
    yield depth, f"await sleep({statement.seconds * 1000:g});"


@_statement.register
def _(statement: tree.Return, depth: int, declared: Declarations) -> Lines:
    yield depth, ["return ", _code(statement.value), ";"]


@_statement.register
def _(statement: tree.Do, depth: int, declared: Declarations) -> Lines:
    yield depth, [_code(statement.call), ";"]


@_statement.register
def _(statement: tree.Fail, depth: int, declared: Declarations) -> Lines:
    yield depth, ["throw new Error", call(["JSON.stringify", call(_code(statement.value))]), ";"]


def _head(head: Each | When | int) -> list[Code]:
    if isinstance(head, Each):
        return [f"for (const {variable(head.name)} of ", _code(head.of), ")"]
    if isinstance(head, When):
        return ["if (", _code(head.condition), ")"]
    return [f"for (let attempt = 1; attempt <= {head}; attempt++)"]


def _request(request: tree.Request) -> Group:
    options: list[Code] = [] if request.method == "GET" else [f'method: "{request.method}"']
    if headers := tree.headers_of(request):
        options.append(["headers: ", _code(headers)])
    if request.body is not None:
        options.append(["body: JSON.stringify", call(_code(request.body))])
    return call(_code(request.url), *([Group("{", tuple(options), "}", pad=" ")] if options else []))


@singledispatch
def _code(node: Node) -> Code:
    """An expression."""
    raise Untranslatable(f"{node} in TypeScript")


@_code.register
def _(node: tree.Literal) -> Code:
    return quoted(node.value) if isinstance(node.value, str) else json.dumps(node.value)


@_code.register
def _(node: tree.Name) -> Code:
    return variable(node.name)


@_code.register
def _(node: tree.Body) -> Code:
    return "await response.text()" if node.is_text else "await response.json()"


@_code.register
def _(node: tree.Status) -> Code:
    return "response.status"


@_code.register
def _(node: tree.Get) -> Code:
    return [_atom(node.of), _access(node.key)]


@_code.register
def _(node: tree.Part) -> Code:
    return [_atom(node.of), f".slice({node.start}{'' if node.end is None else f', {node.end}'})"]


@_code.register
def _(node: tree.Object) -> Code:
    return Group("{", tuple(_pair(*pair) for pair in node.pairs), "}", pad=" ")


@_code.register
def _(node: tree.List) -> Code:
    return Group("[", tuple(map(_code, node.items)), "]")


@_code.register
def _(node: tree.Text) -> Code:
    texts = (
        re.sub(r"([`\\]|\$\{)", r"\\\1", str(part.value)) if isinstance(part, tree.Literal) else "${" + flat(_code(part)) + "}"
        for part in node.parts
    )
    return f"`{''.join(texts)}`"


@_code.register
def _(node: tree.Choice) -> Code:
    return [_atom(node.condition), " ? ", _atom(node.then), " : ", _atom(node.otherwise)]


@_code.register
def _(node: tree.Operation) -> Code:
    return [_atom(node.left, beside=node.sign), f" {_SIGNS.get(node.sign, node.sign)} ", _atom(node.right)]


@_code.register
def _(node: tree.Ask) -> Code:
    return [f"await {variable(node.function)}", call(*map(_code, node.arguments))]


@_code.register
def _(node: tree.Collect) -> Code:
    return _chain(node.clauses, node.value)


@_code.register
def _(node: tree.First) -> Code:
    """The first of the items that fulfil the condition, and of it what is wanted; or the first of a list that is made."""
    value: Node = node.value
    path = ""
    while isinstance(value, tree.Get):
        path = _access(value.key) + path
        value = value.of
    match node.clauses:
        case (Each(name, of),) if value == tree.Name(name):
            found: list[Code] = [_atom(of), "[0]"]
        case (Each(name, of), When(condition)) if value == tree.Name(name):
            found = [_atom(of), ".find", _function(name, condition)]
        case _:
            found, path = [_chain(node.clauses, node.value), "[0]"], ""
    may_miss = "?" if path and node.otherwise is not None else ""
    return [*found, may_miss, path, *([" ?? ", _code(node.otherwise)] if node.has_default else [])]


@_code.register
def _(node: tree.Apply) -> Code:
    if node.function == "todate":
        return _time(node.arguments[0])
    value, *others = map(_atom, node.arguments)
    arguments = call(*others)
    if node.function == "without":
        kept = f"([name]) => ![{', '.join(map(flat, others))}].includes(name)"
        return ["Object.fromEntries", Group("(", (f"Object.entries({flat(value)}).filter({kept})",), ")")]
    written: dict[str, Code] = {
        "add": ["Object.values<number>", call(value), ".reduce((sum, one) => sum + one)"],
        "filled": [value, ".length > 0"],
        "in": [Group("[", tuple(others), "]"), ".includes", call(value)],
        "join": [value, ".join", arguments],
        "keys": ["Object.keys", call(value), ".sort()"],
        "last_lines": [value, '.trimEnd().split("\\n").slice(-', *others, ').join("\\n")'],
        "length": [value, ".length"],
        "not": ["!", value],
        "split": [value, ".split", arguments],
        "startswith": [value, ".startsWith", arguments],
        "without_end": [value, ".replace", call(*others, '""')],
    }
    return written[node.function]


def _time(node: Node) -> Code:
    if isinstance(node, tree.Operation) and node.left == _NOW and isinstance(node.right, tree.Literal):
        return f"new Date(Date.now() + {node.right.value * 1000}).toISOString()"
    return "new Date().toISOString()"


def _chain(clauses: Sequence[tree.Clause], value: Node) -> Code:
    """A list of values: those of another one that fulfil the conditions, each turned into something."""
    each, *conditions = clauses
    if not isinstance(each, Each):
        raise Untranslatable("a list of no other one's items")
    code: list[Code] = [_atom(each.of)]
    for clause in conditions:
        if not isinstance(clause, When):
            raise Untranslatable("lists in lists")
        code += [".filter", _function(each.name, clause.condition)]
    return [*code, ".map", _function(each.name, value)] if value != tree.Name(each.name) else code


def _function(name: str, value: Node) -> Group:
    result: Code = ["(", _code(value), ")"] if isinstance(value, tree.Object) else _code(value)
    return call([f"({variable(name)}: any) => ", result])


def _pair(key: Node | None, value: Node) -> Code:
    if key is None:
        return ["...", _code(value)]
    if not isinstance(key, tree.Literal):
        return ["[", _code(key), "]: ", _code(value)]
    name = key.value if _IDENTIFIER.fullmatch(key.value) else json.dumps(key.value)
    return name if _code(value) == name else [f"{name}: ", _code(value)]


def _access(key: str | int) -> str:
    return f".{key}" if isinstance(key, str) and _IDENTIFIER.fullmatch(key) else f"[{json.dumps(key)}]"


def _atom(node: Node, beside: str = "") -> Code:
    """An expression within another one, in brackets if it needs them; what has the sign `beside` it needs none."""
    bare = not isinstance(node, tree.Operation | tree.Choice | tree.Ask | tree.Body)
    bare = bare and not (isinstance(node, tree.First) and node.has_default)  # `??` binds less than other signs
    return _code(node) if bare or (isinstance(node, tree.Operation) and node.sign == beside) else ["(", _code(node), ")"]
