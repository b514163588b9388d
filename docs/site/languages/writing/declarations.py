"""Where TypeScript declares the variables of a page or function: as `const` where they get their value, as `let` if they get another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from .. import tree
from ..tree import Statement, parts_of

#: The blocks that a place is in, from the outside, and the statement there.
_Place = tuple[Statement, ...]


class Declarations:
    """The declarations that a scope needs."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._keywords: dict[int, str] = {}
        self._before: dict[int, list[str]] = defaultdict(list)
        set_at: dict[str, list[_Place]] = defaultdict(list)
        used_at: dict[str, list[_Place]] = defaultdict(list)
        for place in _places(statements, ()):
            if name := _set_by(place[-1]):
                set_at[name].append(place)
            for name in _used_by(place[-1]):
                used_at[name].append(place)
        for name, places in set_at.items():
            if name.isupper():
                self._declare(name, places, used_at[name])
            else:
                self._declare_in_each_block(places)

    def keyword(self, statement: Statement) -> str:
        """What stands before the name that a statement gives a value."""
        return self._keywords.get(id(statement), "")

    def before(self, statement: Statement) -> list[str]:
        """The names that are declared before a statement."""
        return self._before.get(id(statement), [])

    def _declare(self, name: str, places: Sequence[_Place], uses: Sequence[_Place]) -> None:
        depth = _common([place[:-1] for place in (*places, *uses)])
        first = places[0]
        if len(first) == depth + 1:
            self._keywords[id(first[-1])] = "const " if len(places) == 1 else "let "
        else:
            self._before[id(first[depth])].append(name)

    def _declare_in_each_block(self, places: Sequence[_Place]) -> None:
        """A name of the translation's own is used where it gets its value, so that each block has its own."""
        by_block: dict[tuple[int, ...], list[_Place]] = defaultdict(list)
        for place in places:
            by_block[tuple(map(id, place[:-1]))].append(place)
        for inside in by_block.values():
            self._keywords[id(inside[0][-1])] = "const " if len(inside) == 1 else "let "


def _common(paths: Sequence[_Place]) -> int:
    """How many outer blocks all places share."""
    shared = 0
    for blocks in zip(*paths, strict=False):
        if len({id(block) for block in blocks}) > 1:
            break
        shared += 1
    return shared


def _places(statements: Sequence[Statement], outer: _Place) -> Iterator[_Place]:
    for statement in statements:
        yield (*outer, statement)
        if isinstance(statement, tree.Block):
            yield from _places(statement.body, (*outer, statement))


def _set_by(statement: Statement) -> str:
    return statement.name if isinstance(statement, tree.Set) else "response" if isinstance(statement, tree.Request) else ""


def _used_by(statement: Statement) -> Iterator[str]:
    """The names that a statement itself uses, without those in the statements within it."""
    itself = statement.head if isinstance(statement, tree.Block) else statement
    return (part.name for part in parts_of(itself) if isinstance(part, tree.Name))
