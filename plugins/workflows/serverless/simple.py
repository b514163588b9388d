"""Import tasks of one or two nodes: set, switch, raise, wait, listen, emit, run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import values
from .building import Cursor, Link, add, transform, whole
from .errors import can_fail, fail
from .tasks import Task, Way, defined, named, timeout_of
from .terms import NotTranslated, Term

_MOST_CASES = 20
_TOO_MANY = f"A switch has 1 to {_MOST_CASES} cases with a condition."
_OTHERWISE = "otherwise"
_RESERVED = frozenset({_OTHERWISE, "error", "skipped", "cancelled"})


def set_(task: Task) -> Sequence[Way]:
    """A node that makes the value."""
    written = task.written["set"]
    if not isinstance(written, Mapping | str):
        raise NotTranslated("set is an object or an expression.")
    return [Way(task.add(task.node("transform", {"value": values.made(written, task.names)})))]


def switch(task: Task) -> Sequence[Way]:
    """A node on the path of a case; the data pass through unchanged."""
    cases, otherwise, ways, written = [], None, dict[str, str](), named(task.written["switch"])
    if len(written) > _MOST_CASES + 1:
        raise NotTranslated(_TOO_MANY)
    for name, case in written:
        then = case.get("then")
        if not isinstance(then, str):
            raise NotTranslated(f"The case {name[:100]} does not say in then where it leads.")
        if "when" not in case:
            otherwise = then
            continue
        outcome = _outcome(name, ways)
        ways[outcome] = then
        cases.append({"name": outcome, "when": values.condition(case["when"], task.names)})
    if not 0 < len(cases) <= _MOST_CASES:
        raise NotTranslated(_TOO_MANY)
    state = task.after.state
    task.add(task.node("switch", {"cases": cases}), state)
    found = [Way(Cursor((Link(task.id, outcome),), state), then) for outcome, then in ways.items()]
    return [*found, Way(Cursor((Link(task.id, _OTHERWISE),), state), otherwise)]


def _outcome(name: str, taken: Mapping[str, str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:100]).lower()).strip("_")[:30]
    plain = plain if re.match("[a-z]", plain) else f"case_{plain}"
    tries = (plain if number == 1 else f"{plain}_{number}" for number in range(1, len(taken) + len(_RESERVED) + 2))
    return next(each for each in tries if each not in taken and each not in _RESERVED)


def raise_(task: Task) -> Sequence[Way]:
    """A node that gives the error, which leads to the catch around it, or to the end of the run."""
    error = values.at(task.written["raise"], "/error")
    error = defined(task.place, "errors", error) if isinstance(error, str) else error
    if not isinstance(error, Mapping):
        raise NotTranslated("raise has no error.")
    value = {"instance": values.plain(task.at), **values.filled(error, task.names)}
    _fail(task, task.add(task.node("transform", {"value": value})), value)
    return []


def _fail(task: Task, after: Cursor, error: Mapping[str, Any]) -> None:
    place = task.place
    fail(place.scope, place.report, place.handlers, after, error, is_body=place.is_body)


def wait(task: Task) -> Sequence[Way]:
    """A node that waits; the data pass through unchanged."""
    return [Way(task.add(task.node("wait", {"seconds": values.seconds(task.written["wait"])}), task.after.state))]


def listen(task: Task) -> Sequence[Way]:
    """A node that waits for a signal, where the specification has an event from outside."""
    written = task.written["listen"]
    chosen = values.at(written, "/to/one/with")
    if not isinstance(chosen, Mapping) or not isinstance(chosen.get("type"), str):
        raise NotTranslated("Only a listen to one event is brought, which is chosen by its type.")
    if len(chosen) > 1 or len(written["to"]["one"]) > 1 or "foreach" in task.written or written.get("read", "data") != "data":
        raise NotTranslated("Only a listen to the data of one event is brought, which is chosen by its type alone.")
    name, seconds = chosen["type"], timeout_of(task)
    config = {"signal": {"name": name}, **({} if seconds is None else {"timeout_seconds": seconds})}
    task.reasons.append(f"It waits for the signal {name[:200]}, which somebody sends to the run, and not for a CloudEvent.")
    came = task.add(task.node("wait", config))
    if seconds is not None:
        error = {
            "type": "https://serverlessworkflow.io/spec/1.0.0/errors/timeout",
            "status": 408,
            "title": "Timeout",
            "instance": task.at,
        }
        late = Cursor((Link(task.id, "timeout"),), task.after.state)
        _fail(task, transform(task.place.scope, late, task.new_id("_timeout"), error), error)
    return [Way(Cursor(came.links, replace(came.state, value=Term(f"[nodes.{task.id}.output]"))))]


def emit(task: Task) -> Sequence[Way]:
    """A node that emits the event, and one that gives it."""
    about = values.at(task.written["emit"], "/event/with")
    if not isinstance(about, Mapping) or not isinstance(about.get("type"), str) or values.inner(about["type"]) is not None:
        raise NotTranslated("An event is emitted whose type is written down.")
    filled = values.filled(about, task.names)
    data = filled.get("data", {})
    if not isinstance(data, Mapping) and not (isinstance(data, str) and data.startswith("{{")):
        raise NotTranslated("The data of an event are an object.")
    name = "custom." + (re.sub("[^a-z0-9]+", "_", about["type"].lower()).strip("_")[:64] or "event")
    subject = {"subject_id": filled["subject"]} if "subject" in filled else {}
    task.reasons.append(f"The event is called {name}. What the task gives has no time.")
    emitted = task.add(task.node("emit_event", {"name": name, "data": data, **subject}))
    given = {"specversion": "1.0", **filled, "id": whole(f"nodes.{task.id}.output")}
    return [Way(transform(task.place.scope, emitted, task.new_id("_event"), given))]


def run(task: Task) -> Sequence[Way]:
    """A node that runs another workflow; what the specification runs besides has no counterpart."""
    written = task.written["run"]
    target = values.at(written, "/workflow")
    if not isinstance(target, Mapping):
        raise NotTranslated("Containers, scripts and commands are not run here; make it a tool, and call that.")
    if written.get("await", True) is not True:
        raise NotTranslated("A workflow that is run is waited for.")
    ref = f"{target.get('namespace')}/{target.get('name')}:{target.get('version', 'latest')}"[:200]
    found = task.place.report.stands_for(ref, "workflow", task.at)
    if found is None:
        task.reasons.append(f"It runs the workflow {ref}: write in mapping the id of the one that stands for it here.")
    seconds = timeout_of(task)
    given = values.filled(target["input"], task.names) if "input" in target else whole(task.after.state.value.value)
    more = {"input": given, **({} if seconds is None else {"timeout_seconds": seconds})}
    return [Way(add_call(task, task.node("sub_workflow", {"workflow_id": found or ref}, **more)))]


def add_call(task: Task, node: dict[str, Any]) -> Cursor:
    """Add a node that can fail after the previous ones; its errors lead to the surrounding catches."""
    place, before = task.place, task.after
    after = add(place.scope, before, node)
    can_fail(place.scope, place.report, place.handlers, node, task.at, before.state)
    return after
