"""Compiled statements by their keys: the code that builds a query, and everything that it closes over.

Two builders get the same key only if they build the same SQL. So no author has to invent a name, and no plugin can be given the
statement of another one.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any

from peewee import ModelBase, Node

from ..statements import Statement

#: More shapes than an installation has: an upper bound on memory; beyond it, statements are compiled again.
_MOST_STATEMENTS = 4096


class StatementCache:
    """The compiled statements of one database."""

    def __init__(self) -> None:
        self._statements: dict[Hashable, tuple[Statement, Sequence[Any]]] = {}

    def __len__(self) -> int:
        return len(self._statements)

    def __iter__(self) -> Iterator[Statement]:
        return (statement for statement, _ in self._statements.values())

    def get(self, key: Hashable, make: Callable[[], Statement], kept: Sequence[Any] = ()) -> Statement:
        """The statement of that key, made once; `kept` are the objects that the key refers to by their ids."""
        found = self._statements.get(key)
        if found is None:
            if len(self._statements) >= _MOST_STATEMENTS:
                self._statements.clear()
            found = self._statements[key] = make(), kept
        return found[0]


def key_of(build: Any, kept: list[Any]) -> Hashable:
    """The key of a function, a bound method, a `functools.partial` of one, or a value that one of them closes over.

    Numbers, texts, None, tuples and frozen sets count by value and type; expressions of peewee, classes and other objects that are
    equal to themselves only count by identity. `kept` collects what the key refers to by its id: the caller keeps it as long as the key.
    Raises TypeError for values that can change or be equal to others, such as lists and dicts: pass a tuple of what matters.
    """
    kind = type(build)
    if kind in _THEMSELVES:
        return build  # type: ignore[no-any-return]
    read = _KEYS.get(kind)
    if read is not None:
        return read(build, kept)
    if kind in _BY_VALUE:
        return kind, build
    if isinstance(build, Node):  # == of two of them makes an expression, which is true
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
    """The same code in another module, or with other values around it, is another builder; a function that is made once is its own key."""
    if "<locals>" not in function.__qualname__:
        return function  # type: ignore[no-any-return]
    kept.append((function.__code__, function.__globals__))
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    keywords = tuple(sorted((function.__kwdefaults__ or {}).items()))
    around = _keys_of((function.__defaults__, keywords, *cells), kept)
    return FunctionType, id(function.__code__), id(function.__globals__), *around


#: The types of values that are equal to none of another type that stands in a key as it is: most keys are made of them.
_THEMSELVES = frozenset({str, NoneType, ModelBase, int})
_BY_VALUE = frozenset({bool, float, bytes, frozenset})
_KEYS: dict[type, Callable[[Any, list[Any]], Hashable]] = {
    FunctionType: _key_of_function,
    MethodType: _key_of_method,
    partial: _key_of_partial,
    tuple: _key_of_tuple,
}
