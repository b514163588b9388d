"""What evaluating an expression really takes, counted in the tree that the library makes of it: a message CheckedExpr of cel-spec."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aasim_core.user_code import expressions
from aasim_core.user_code.expressions import Steps

_TREE = 4  # of CheckedExpr
_CONST, _IDENT, _SELECT, _CALL, _LIST, _STRUCT, _COMPREHENSION = range(3, 10)  # of Expr
_NAMES = {_IDENT: 1, _CALL: 2}
_INNER = {_SELECT: (1,), _CALL: (1, 3), _LIST: (1,)}
_ENTRIES, _KEY_AND_VALUE = 2, (3, 4)
_OF_LOOP = (2, 4, 5, 6, 7)


class Part(NamedTuple):
    """A part of an expression: its kind, its name or literal text, the parts in it, and itself as a message."""

    kind: int
    name: str
    inner: list[bytes]
    message: bytes


class Loop(NamedTuple):
    """A part that goes through a list: the names of what stands for an item and for the result so far, and what is evaluated when."""

    item: str
    result: str
    through: bytes
    once: list[bytes]
    each: list[bytes]

    @classmethod
    def of(cls, message: bytes) -> "Loop":
        """The loop that a part of the kind of a comprehension is."""
        fields = dict(_fields(list(_fields(message))[-1][1]))
        return cls(fields[1].decode(), fields[3].decode(), fields[2], [fields[4], fields[7]], [fields[5], fields[6]])


class Tree:
    """A compiled expression over certain values."""

    def __init__(self, expression: str, values: Mapping[str, Any], *, loops: bool = False) -> None:
        self._values = dict(values)
        names = tuple(values)
        (_, self._type), (_, checked) = _fields(expressions._compiled(expression, names, loops).serialize())
        self._rest = [(number, value) for number, value in _fields(checked) if number != _TREE]
        self._root = dict(_fields(checked))[_TREE]
        self.parts = list(_parts(self._root))
        self.loops = [Loop.of(part.message) for part in self.parts if part.kind == _COMPREHENSION]
        self._environment = expressions._environment((*names, *{loop.item for loop in self.loops}), loops)

    @property
    def variables(self) -> set[str]:
        """The names that are read, besides those of loops."""
        own = {name for loop in self.loops for name in (loop.item, loop.result)}
        return {part.name.removeprefix(".") for part in self.parts if part.kind == _IDENT} - own

    def steps(self) -> Steps:
        """What evaluating each part takes, once or for each item of a list."""
        read = copied = compared = items = 0
        for part, values in self._evaluated(self._root, self._values):
            if part.kind == _IDENT:
                read += _size(values.get(part.name.removeprefix("."), ""))
            elif part.kind == _CONST:
                read += len(part.name) or 1
            elif part.kind == _COMPREHENSION:
                length = len(self._value(Loop.of(part.message).through, values))
                items += length
                copied += 8 * length**2 if b"_+_" in part.message else 0
            elif part.kind == _CALL and self._is_known(part, values):
                copied += self._size_of(part.message, values) if _copies(part.name) else 0
                sizes = [self._size_of(each, values) for each in part.inner]
                compared += sizes[0] * sizes[1] if part.name == "contains" else 0
        return Steps(read, copied, compared, items)

    def _evaluated(self, message: bytes, values: Mapping[str, Any]) -> Iterator[tuple[Part, Mapping[str, Any]]]:
        """Each part as often as it is evaluated at most, with the values that it sees then."""
        part = _part(message)
        yield part, values
        if part.kind != _COMPREHENSION:
            for inner in part.inner:
                yield from self._evaluated(inner, values)
            return
        loop = Loop.of(message)
        yield from self._evaluated(loop.through, values)
        for inner in loop.once:
            yield from self._evaluated(inner, values)
        for item in self._value(loop.through, values):
            for inner in loop.each:
                yield from self._evaluated(inner, {**values, loop.item: item})

    def _is_known(self, part: Part, values: Mapping[str, Any]) -> bool:
        """Whether the value of a part does not depend on the result of a loop so far."""
        named = {each.name.removeprefix(".") for each in _parts(part.message) if each.kind == _IDENT}
        return named.isdisjoint(loop.result for loop in self.loops if not _contains(part.message, loop))

    def _size_of(self, message: bytes, values: Mapping[str, Any]) -> int:
        value = self._evaluate(message, values)
        return 0 if value is None else _size(value.plain_value())

    def _value(self, message: bytes, values: Mapping[str, Any]) -> Any:
        """The list or object that a part gives; an empty one where it gives none."""
        value = self._evaluate(message, values)
        plain = [] if value is None else value.plain_value()
        return plain if isinstance(plain, list | Mapping) else []

    def _evaluate(self, message: bytes, values: Mapping[str, Any]) -> Any:
        """The value of a part, which is evaluated alone; None where it has none."""
        checked = b"".join(_field(number, value) for number, value in [*self._rest, (_TREE, message)])
        part = self._environment.deserialize(_field(1, self._type) + _field(2, checked))
        value = part.eval(data=dict(values))
        return None if str(value.type()) == "ERROR" else value


def _contains(message: bytes, loop: Loop) -> bool:
    return any(part.kind == _COMPREHENSION and Loop.of(part.message) == loop for part in _parts(message))


def _copies(function: str) -> bool:
    """Whether the result is a new value; other operators give a number, a boolean, or one of the values that are there."""
    return function == "_+_" or function.isalpha()


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes | bytearray):
        return len(value)
    if isinstance(value, Mapping):
        return 1 + sum(_size(key) + _size(each) for key, each in value.items())
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def _parts(tree: bytes) -> Iterator[Part]:
    todo = [tree]
    while todo:
        found = _part(todo.pop())
        todo += found.inner
        yield found


def _part(message: bytes) -> Part:
    kind, body = list(_fields(message))[-1]
    within = list(_fields(body))
    name = b"".join(value for number, value in within if kind == _CONST or number == _NAMES.get(kind)).decode("latin-1")
    if kind == _COMPREHENSION:
        return Part(kind, "", [value for number, value in within if number in _OF_LOOP], message)
    if kind == _STRUCT:
        entries = [entry for number, entry in within if number == _ENTRIES]
        return Part(kind, name, [each for entry in entries for key, each in _fields(entry) if key in _KEY_AND_VALUE], message)
    return Part(kind, name, [value for number, value in within if number in _INNER.get(kind, ())], message)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a message of protocol buffers, each with its number; numbers are left out as values."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        if key & 7 == 0:
            length, (_, end) = 0, _number(message, at)
        elif key & 7 == 2:
            length, at = _number(message, at)
            end = at + length
        else:
            end = at + (8 if key & 7 == 1 else 4)
        yield key >> 3, message[at:end] if key & 7 == 2 else b""
        at = end


def _number(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (message[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if message[at - 1] < 128:
            return number, at


def _field(number: int, value: bytes) -> bytes:
    length, head = len(value), bytearray([number << 3 | 2])
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes([*head, length]) + value
