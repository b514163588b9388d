"""Import lists of tasks: the edges from one to the next."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..hookspecs import Mapped
from .building import Cursor, together
from .tasks import CONTINUE, Place, Way, directive, left_out, named, put

_EXIT, _END = "exit", "end"
_NOT_REACHED = "Nothing leads to it, so it was left out."


def put_all(written: Any, after: Cursor, place: Place, at: str) -> list[Cursor]:
    """Put the tasks of a list after a cursor; returns where they end."""
    found = named(written)
    return _List(found, place, at).put(after) if found else [after]


class _List:
    """A list of tasks, put one by one in the order in which they come about."""

    def __init__(self, found: Sequence[tuple[str, Mapping[str, Any]]], place: Place, at: str) -> None:
        self._tasks, self._place, self._at = found, place, at
        self._index: dict[str, int] = {name: number for number, (name, _) in reversed(list(enumerate(found)))}
        self._arrivals: dict[int, list[Cursor]] = {}
        self._exits: list[Cursor] = []
        self._back: set[tuple[int, int]] = set()

    def put(self, after: Cursor) -> list[Cursor]:
        """Add all tasks after a cursor; their results are reported in order."""
        self._arrivals[0] = [after]
        told: dict[int, list[Mapped]] = {}
        for number in self._in_order():
            if cursors := self._arrivals.get(number):
                told[number] = self._told(partial(self._put_one, number, cursors))
        for number in range(len(self._tasks)):
            self._place.report.parts += told.get(number) or [Mapped(self._path(number), None, [_NOT_REACHED])]
        return self._exits

    def _told(self, put_one: Callable[[], None]) -> list[Mapped]:
        """Return the reports made while a task is added, removed from the list."""
        parts = self._place.report.parts
        start = len(parts)
        put_one()
        told = parts[start:]
        del parts[start:]
        return told

    def _put_one(self, number: int, cursors: Sequence[Cursor]) -> None:
        name, task = self._tasks[number]
        after = together(self._place.scope, self._place.report, cursors, name)
        for way in put(name, task, after, self._place, self._path(number)):
            self._follow(number, way)

    def _path(self, number: int) -> str:
        return f"{self._at}/{number}/{self._tasks[number][0][:100]}"

    def _follow(self, number: int, way: Way) -> None:
        """Lead on to what the directive says."""
        then = way.then or CONTINUE
        target = self._target(number, then)
        if then == _END and self._place.ends is not None:
            self._place.ends.append(way.cursor)
        elif then == _END:
            self._stop(number, way.cursor, "Within a loop or a branch it cannot end the workflow.")
        elif target is None:
            self._exits.append(way.cursor)
        elif target >= 0 and (number, target) not in self._back:
            self._arrivals.setdefault(target, []).append(way.cursor)
        else:
            reason = (
                f"There is no task {then[:100]} next to it."
                if target < 0
                else f"It goes back to {then[:100]}; a for or a while repeats what is in it."
            )
            self._stop(number, way.cursor, reason)

    def _stop(self, number: int, after: Cursor, reason: str) -> None:
        """Put a placeholder where the directive leads nowhere."""
        node_id = self._place.report.new_id(self._tasks[number][0], "_then")
        self._exits.append(left_out("then", node_id, after, self._place, f"{self._path(number)}/then", reason))

    def _target(self, number: int, then: str) -> int | None:
        """The number of the task that follows; None where the list is left, -1 where there is none."""
        if then in (_EXIT, _END):
            return None
        if then == CONTINUE:
            return number + 1 if number + 1 < len(self._tasks) else None
        return self._index.get(then, -1)

    def _in_order(self) -> list[int]:
        """The tasks that can be reached, each after all that lead to it; what goes back is noted."""
        order: list[int] = []
        state: dict[int, str] = {0: "open"}
        stack = [(0, iter(self._followers(0)))]
        while stack:
            number, followers = stack[-1]
            follower = next(followers, None)
            if follower is None:
                state[number] = "done"
                order.append(number)
                stack.pop()
            elif state.get(follower) == "open":
                self._back.add((number, follower))
            elif follower not in state:
                state[follower] = "open"
                stack.append((follower, iter(self._followers(follower))))
        return order[::-1]

    def _followers(self, number: int) -> Iterator[int]:
        for then in _directives(self._tasks[number][1]):
            target = self._target(number, then)
            if target is not None and target >= 0:
                yield target


def _directives(task: Mapping[str, Any]) -> Iterator[str]:
    cases = task.get("switch")
    for case in cases if isinstance(cases, list) else ():
        for each in case.values() if isinstance(case, Mapping) else ():
            yield directive(each)
    yield directive(task)
    if "if" in task:
        yield CONTINUE
