"""Import composite tasks: do, for, fork, try."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import values
from .building import Cursor, Link, Scope, State, add, output_of, together, transform, whole
from .errors import Handler, filter_of
from .lists import put_all
from .simple import add_call
from .tasks import Place, Task, Way, defined, named, names_at
from .terms import NotTranslated, Term, path

_MOST_ROUNDS, _MOST_ATTEMPTS = 1_000, 20
_EXPORTS = "Within a {} nothing can be exported to the context."


def do(task: Task) -> Sequence[Way]:
    """One task after the other."""
    return [Way(cursor) for cursor in put_all(task.written["do"], task.after, task.place, f"{task.at}/do")]


def for_(task: Task) -> Sequence[Way]:
    """A loop in which each round is given what the last one gave, with the list made before, and what is given without a round after."""
    about = task.written["for"]
    if not isinstance(about, Mapping) or "do" not in task.written:
        raise NotTranslated("for has a list in in, and tasks in do.")
    scope, before = task.place.scope, task.after.state
    items_id, begin_id = task.new_id("_items"), task.new_id("_round")
    items = transform(scope, task.after, items_id, whole(values.expression(about.get("in"), task.names)), before)
    last = f"(index == 0 ? dyn({before.value.value}) : item)"
    item = f"nodes.{items_id}.output[index]"
    when = f"index < size(nodes.{items_id}.output)"
    each, at = str(about.get("each", "item")), str(about.get("at", "index"))
    if "while" in task.written:
        names = names_at(task.place, replace(before, value=path(last)))
        names = replace(names, variables={**names.variables, each: path(item), at: Term("index")})
        when = f"{when} && {values.condition(task.written['while'], names)}"
    begun = {"value": whole(last), "item": whole(item), "index": whole("index")}
    body = _body(task, begin_id, begun, {each: path(f"nodes.{begin_id}.output.item"), at: Term(f"nodes.{begin_id}.output.index")})
    node = task.node("while", {"when": when, "max_iterations": _MOST_ROUNDS, "body": body})
    after = add_call(replace(task, after=items), node)
    given = f"size(nodes.{items_id}.output) == 0 ? dyn({before.value.value}) : nodes.{task.id}.output"
    return [Way(transform(scope, after, task.new_id("_last"), whole(given)))]


def _body(task: Task, begin_id: str, begun: Mapping[str, Any], variables: Mapping[str, Term]) -> dict[str, Any]:
    """The body of a loop: the tasks, after a node that gives what a round begins with."""
    scope, context = Scope(), task.after.state.context
    state = State(path(f"nodes.{begin_id}.output.value"), context)
    begin = transform(scope, Cursor((), state), begin_id, dict(begun), state)
    place = replace(
        task.place, scope=scope, ends=None, handlers=(), is_body=True, variables={**task.place.variables, **variables}
    )
    ends = put_all(task.written["do"], begin, place, f"{task.at}/do")
    if not ends:
        raise NotTranslated("No round of it comes to its end.")
    end = together(scope, task.place.report, ends, task.name)
    if end.state.context != context:
        raise NotTranslated(_EXPORTS.format("for"))
    return {"nodes": scope.nodes, "edges": scope.edges, "output": whole(end.state.value.value)}


def fork(task: Task) -> Sequence[Way]:
    """Branches side by side, and a node in which all of them meet, or the first one."""
    about = task.written["fork"]
    written = values.at(about, "/branches")
    if not isinstance(written, list) or not written:
        raise NotTranslated("fork has branches.")
    scope, place = task.place.scope, replace(task.place, ends=None, handlers=(), is_body=task.place.is_body)
    begin = task.add(task.node("parallel", {}), task.after.state)
    found = [_branch(task, begin, place, number, branch) for number, branch in enumerate(written)]
    if task.place.handlers:
        task.reasons.append("What fails in its branches is not caught around it.")
    links = tuple(Link(node_id) for node_id in found)
    join_id, is_race = task.new_id("_join"), about.get("compete") is True
    config = {"mode": "any", "rest": "cancel"} if is_race else {"mode": "all"}
    joined = add(scope, Cursor(links, task.after.state), {"id": join_id, "type": "join", "config": config})
    value: Any = [whole(output_of(each).text) for each in found]
    if is_race:
        value = whole(_first(join_id, found))
    return [Way(transform(scope, joined, task.new_id("_result"), value))]


def _branch(task: Task, begin: Cursor, place: Place, number: int, written: Any) -> str:
    """Put a branch; returns the id of the node in which it ends."""
    ends = put_all([written], begin, place, f"{task.at}/fork/branches/{number}")
    if not ends:
        raise NotTranslated("A branch of it never comes to its end.")
    end = together(place.scope, place.report, ends, task.name)
    if end.state.context != begin.state.context:
        raise NotTranslated(_EXPORTS.format("fork"))
    [*others, last] = end.links
    if not others and last.on == "done" and end.state.value == output_of(last.source):
        return last.source
    node_id = task.new_id("_branch")
    transform(place.scope, end, node_id, whole(end.state.value.value))
    return node_id


def _first(join_id: str, found: Sequence[str]) -> str:
    """The output of the first of the nodes that came to the join."""
    text = "null"
    for each in reversed(found):
        output = f"nodes.{join_id}.output.{each}"
        text = f"(has({output}) ? dyn({output}) : {text})"
    return text


def try_(task: Task) -> Sequence[Way]:
    """Tasks whose errors lead to others."""
    catch = task.written.get("catch")
    if not isinstance(catch, Mapping):
        raise NotTranslated("try has a catch.")
    handler = Handler(filter_of(catch), _retry(task, catch.get("retry")))
    place = replace(task.place, handlers=(*task.place.handlers, handler))
    ends = put_all(task.written["try"], task.after, place, f"{task.at}/try")
    if not handler.arrivals:
        task.reasons.append("Nothing in it fails in a way that is caught here: only calls, runs and raised errors do.")
        return [Way(cursor) for cursor in ends]
    caught = together(task.place.scope, task.place.report, handler.arrivals, task.name)
    after = Cursor(caught.links, task.after.state)
    name = str(catch.get("as", "error"))
    around = replace(task.place, variables={**task.place.variables, name: caught.state.value})
    handled = put_all(catch["do"], after, around, f"{task.at}/catch/do") if "do" in catch else [after]
    return [Way(cursor) for cursor in (*ends, *handled)]


def _retry(task: Task, written: Any) -> Mapping[str, Any] | None:
    """How a node of the tasks is tried again; the specification begins with the first of them."""
    written = defined(task.place, "retries", written) if isinstance(written, str) else written
    if written is None:
        return None
    if not isinstance(written, Mapping) or {"when", "exceptWhen"} & written.keys():
        raise NotTranslated("What is tried again is chosen by the type and status of errors only.")
    backoff, count = written.get("backoff", {}), values.at(written, "/limit/attempt/count")
    count = _MOST_ATTEMPTS - 1 if count is None else count
    if type(count) is not int or not isinstance(backoff, Mapping):
        raise NotTranslated("A retry has a limit with a number of attempts.")
    if len(named(task.written["try"])) > 1:
        task.reasons.append("What is tried again is the task that fails, and not all of them from the first.")
    if count >= _MOST_ATTEMPTS:
        task.reasons.append(f"It is tried {_MOST_ATTEMPTS} times at most.")
    if "linear" in backoff:
        task.reasons.append("Between attempts it waits twice as long each time.")
    delay = min(values.seconds(written.get("delay", {"seconds": 0})), 3_600.0)
    longest = {"max_seconds": 86_400} if {"exponential", "linear"} & backoff.keys() else {"max_seconds": delay}
    return {"max_attempts": max(1, min(count + 1, _MOST_ATTEMPTS)), "base_seconds": delay, **longest}
