"""The common part of all tasks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..hookspecs import placeholder
from . import values
from .building import Cursor, Link, Report, Scope, State, add, together, transform
from .errors import Handler
from .jq import Names
from .terms import NotTranslated, Term

#: The directive to continue with the next task.
CONTINUE = "continue"
_IS_NO_LIST = "Tasks are a list of objects that each have one name."


@dataclass(frozen=True)
class Place:
    """Where tasks are put: in which graph, with which variables, and who handles their errors.

    `ends` takes the cursors after which the workflow ends; None where it cannot end, in loops and branches. `makes` has, for each kind of
    tasks, what makes the nodes of one.
    """

    scope: Scope
    report: Report
    use: Mapping[str, Any]
    makes: Mapping[str, "Make"]
    variables: Mapping[str, Term]
    ends: list[Cursor] | None
    handlers: tuple[Handler, ...] = ()
    is_body: bool = False


@dataclass(frozen=True)
class Task:
    """A task that is made: `written` as it stands `at` a path of the document, to come after a cursor, as nodes with ids like `id`."""

    name: str
    written: Mapping[str, Any]
    at: str
    after: Cursor
    place: Place
    id: str
    reasons: list[str] = field(default_factory=list)

    @property
    def names(self) -> Names:
        """What its expressions can name."""
        return names_at(self.place, self.after.state)

    def node(self, type_: str, config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Its node, of a type."""
        return {"id": self.id, "name": self.name[:120], "type": type_, "config": dict(config), **more}

    def new_id(self, suffix: str) -> str:
        """An id for one more node of it."""
        return self.place.report.new_id(self.name, suffix)

    def add(self, node: dict[str, Any], state: State | None = None) -> Cursor:
        """Put a node of it after what came before."""
        return add(self.place.scope, self.after, node, state)


@dataclass(frozen=True)
class Way:
    """Where a task leads: a cursor, and what its directive says follows; None for that of the task."""

    cursor: Cursor
    then: str | None = None


Make = Callable[[Task], Sequence[Way]]


def names_at(place: Place, state: State) -> Names:
    """What can be named with that data."""
    of_run = {"context": state.context, "input": state.value, "workflow": Term('{"id": run.id, "input": input}')}
    return Names(state.value, {**place.variables, **of_run})


def named(written: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The tasks of a list with their names; NotTranslated for what is no such list."""
    if not isinstance(written, list) or not all(isinstance(each, Mapping) and len(each) == 1 for each in written):
        raise NotTranslated(_IS_NO_LIST)
    found = [next(iter(each.items())) for each in written]
    if not all(isinstance(task, Mapping) for _, task in found):
        raise NotTranslated(_IS_NO_LIST)
    return found


def directive(written: Any) -> str:
    """Where a task, or the case of a switch, leads to."""
    then = written.get("then", CONTINUE) if isinstance(written, Mapping) else CONTINUE
    return then if isinstance(then, str) and then else CONTINUE


def put(name: str, written: Mapping[str, Any], after: Cursor, place: Place, at: str) -> list[Way]:
    """Put a task after a cursor; what has no counterpart becomes a placeholder. Returns where it leads."""
    report, scope = place.report, place.scope
    kept = (
        len(report.parts),
        len(scope.nodes),
        len(scope.edges),
        len(place.ends or ()),
        [len(each.arrivals) for each in place.handlers],
    )
    task = Task(name, written, at, after, place, report.new_id(name))
    try:
        ways = list(_put(task))
    except NotTranslated as error:
        del report.parts[kept[0] :], scope.nodes[kept[1] :], scope.edges[kept[2] :], (place.ends or [])[kept[3] :]
        for handler, count in zip(place.handlers, kept[4], strict=True):
            del handler.arrivals[count:]
        return [Way(left_out(name, task.id, after, place, at, str(error)), directive(written))]
    report.told(at, task.id, task.reasons)
    report.parts.insert(kept[0], report.parts.pop())
    return ways


def left_out(name: str, node_id: str, after: Cursor, place: Place, at: str, reason: str) -> Cursor:
    """Add a placeholder after a cursor, and report why."""
    place.report.told(at, node_id, [reason], left_out=True)
    return add(place.scope, after, placeholder(node_id, name))


def _put(task: Task) -> Iterator[Way]:
    kind = next((kind for kind in task.place.makes if kind in task.written), None)
    if kind is None:
        raise NotTranslated(f"It is none of {', '.join(task.place.makes)}.")
    skipped, task = _if(task)
    task = _from(task)
    ways = task.place.makes[kind](task)
    if {"output", "export"} & task.written.keys():
        ways = [Way(_data_after(task, ways))] if ways else []
    _tell_timeout(task, kind)
    yield from (Way(way.cursor, way.then or directive(task.written)) for way in ways)
    yield from (Way(cursor, CONTINUE) for cursor in skipped)


def _if(task: Task) -> tuple[list[Cursor], Task]:
    """The cursor where the task is skipped, and the task where it is not."""
    if "if" not in task.written:
        return [], task
    node_id = task.new_id("_if")
    node = {"id": node_id, "type": "condition", "config": {"when": values.condition(task.written["if"], task.names)}}
    state = task.after.state
    taken = add(task.place.scope, task.after, node, state, "true")
    return [Cursor((Link(node_id, "false"),), state)], replace(task, after=taken)


def _from(task: Task) -> Task:
    written = _object(task, "input")
    if "schema" in written:
        task.reasons.append("What it is given is not checked against input.schema.")
    if "from" not in written:
        return task
    value = values.made(written["from"], task.names)
    return replace(task, after=transform(task.place.scope, task.after, task.new_id("_input"), value))


def _data_after(task: Task, ways: Sequence[Way]) -> Cursor:
    """The cursor after what the task says of its output and of what it exports."""
    if any(way.then for way in ways):
        raise NotTranslated("A switch gives what it is given; let the tasks that it leads to say output and export.")
    scope, output, export = task.place.scope, _object(task, "output"), _object(task, "export")
    cursor = together(scope, task.place.report, [way.cursor for way in ways], task.name)
    for name, written in (("output", output), ("export", export)):
        if "schema" in written:
            task.reasons.append(f"{name}.schema is not checked.")
    if "as" in output:
        cursor = transform(scope, cursor, task.new_id("_output"), values.made(output["as"], _names_after(task, cursor)))
    if "as" in export:
        node_id = task.new_id("_export")
        made = transform(scope, cursor, node_id, values.made(export["as"], _names_after(task, cursor)))
        cursor = Cursor(made.links, State(cursor.state.value, made.state.value))
    return cursor


def _names_after(task: Task, cursor: Cursor) -> Names:
    """What can be named after the task: besides what it gave, also what it was given."""
    found = names_at(task.place, cursor.state)
    return replace(found, variables={**found.variables, "input": task.after.state.value, "output": cursor.state.value})


def _object(task: Task, name: str) -> Mapping[str, Any]:
    written = task.written.get(name, {})
    if not isinstance(written, Mapping):
        raise NotTranslated(f"{name} is no object.")
    return written


def _tell_timeout(task: Task, kind: str) -> None:
    if "timeout" in task.written and kind not in ("call", "run", "listen"):
        task.reasons.append("Its timeout was left out: only calls, runs and waits have one here.")


def timeout_of(task: Task) -> float | None:
    """How many seconds the task may take, if it says so."""
    written = task.written.get("timeout")
    if isinstance(written, str):
        written = defined(task.place, "timeouts", written)
    if written is None:
        return None
    return values.seconds(values.at(written, "/after"))


def defined(place: Place, kind: str, name: str) -> Any:
    """What the document defines under a name for use by several tasks."""
    known = place.use.get(kind)
    if not isinstance(known, Mapping) or name not in known:
        raise NotTranslated(f"use.{kind} has no {name[:100]}.")
    return known[name]
