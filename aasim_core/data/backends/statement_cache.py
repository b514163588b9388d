"""Cache of compiled statements, keyed by the code that builds a query and everything that it closes over.

Two builders share a key only if they build the same SQL. Authors need not invent unique names, and no plugin can receive another's
statement.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any

from peewee import ModelBase, Node

from ..conditions import Condition
from ..statements import Statement, kind_of_scope

#: More statements than an installation has: an upper bound on memory, beyond which statements are compiled again.
_MOST_STATEMENTS = 4096


class StatementCache:
    """The compiled statements of one database."""

    def __init__(self) -> None:
        self._statements: dict[Hashable, tuple[Statement, Sequence[Any]]] = {}

    def __len__(self) -> int:
        return len(self._statements)

    def compiled(self, database: Any, build: Callable[..., Any], shape: tuple[Any, ...], plans_each_time: bool) -> Statement:
        """Return the statement of the query that `build(*shape)` creates for the kind of scope, compiled once; see `key_of`."""
        kept: list[Any] = []
        key = key_of(build, kept), key_of(shape, kept), kind_of_scope(), plans_each_time
        return self.get(key) or self.keep(key, Statement.compile(database, partial(build, *shape), plans_each_time), kept)

    def get(self, key: Hashable) -> Statement | None:
        """Return the statement of that key, or None."""
        found = self._statements.get(key)
        return None if found is None else found[0]

    def keep(self, key: Hashable, statement: Statement, kept: Sequence[Any] = ()) -> Statement:
        """Store the statement under that key, and return it; `kept` are the objects whose ids are part of the key."""
        if len(self._statements) >= _MOST_STATEMENTS:
            self._statements.clear()
        self._statements[key] = statement, kept
        return statement


def key_of(build: Any, kept: list[Any]) -> Hashable:
    """Return the key of a function, a bound method, a `functools.partial` of one, or a value that one of them closes over.

    Numbers, strings, None, tuples and frozen sets are compared by value and type; peewee expressions, classes and other objects that are
    equal only to themselves by identity. `kept` collects the objects referenced by id: the caller must keep it as long as the key. Raises
    TypeError for mutable values and values with an equality of their own, such as lists and dicts: pass a tuple instead.
    """
    kind = type(build)
    read = _KEYS.get(kind)
    if read is not None:
        return read(build, kept)
    if kind in _BY_VALUE:
        return kind, build
    if isinstance(build, Node):  # == between two of them creates an expression, which is truthy
        kept.append(build)
        return Node, id(build)
    if kind is BuiltinFunctionType or kind.__eq__ is object.__eq__:  # type: ignore[comparison-overlap]
        return build  # type: ignore[no-any-return]
    raise TypeError(
        f"a compiled statement cannot depend on a {kind.__name__} ({build!r:.60}); close over texts, numbers, tuples and classes, and "
        "give values by Bind"
    )


def _keys_of(values: Iterable[Any], kept: list[Any]) -> list[Hashable]:
    return [value if (kind := type(value)) in _THEMSELVES else _KEYS.get(kind, key_of)(value, kept) for value in values]


def _key_of_tuple(values: tuple[Any, ...], kept: list[Any]) -> Hashable:
    return values if _THEMSELVES.issuperset(map(type, values)) else (tuple, *_keys_of(values, kept))


def _key_of_partial(whole: "partial[Any]", kept: list[Any]) -> Hashable:
    keywords = tuple(sorted(whole.keywords.items())) if whole.keywords else None
    return partial, *_keys_of((whole.func, keywords, *whole.args), kept)


def _key_of_method(method: MethodType, kept: list[Any]) -> Hashable:
    return MethodType, *_keys_of((method.__func__, method.__self__), kept)


def _key_of_function(function: Any, kept: list[Any]) -> Hashable:
    """The same code in another module or with another closure is another builder; a function created once is its own key."""
    if "<locals>" not in function.__qualname__:
        return function  # type: ignore[no-any-return]
    kept.append((function.__code__, function.__globals__))
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    keywords = tuple(sorted((function.__kwdefaults__ or {}).items()))
    around = _keys_of((function.__defaults__, keywords, *cells), kept)
    return FunctionType, id(function.__code__), id(function.__globals__), *around


def _key_of_condition(condition: Condition, kept: list[Any]) -> Hashable:
    """Its values are no part of the key: the statement gets them when it runs."""
    expression = condition.expression
    return Condition, _KEYS.get(type(expression), key_of)(expression, kept), *condition.values


#: Types that can be part of a key as they are, since none of their values equals one of another type; most keys consist of them.
_THEMSELVES = frozenset({str, NoneType, ModelBase, int})
_BY_VALUE = frozenset({bool, float, bytes, frozenset})
_KEYS: dict[type, Callable[[Any, list[Any]], Hashable]] = {
    FunctionType: _key_of_function,
    MethodType: _key_of_method,
    partial: _key_of_partial,
    tuple: _key_of_tuple,
    Condition: _key_of_condition,
}
