"""Rerun a part of a run; the dry run reports what is reused and what is repeated.

A node is repeated if it is named, was not completed, or follows a repeated one in its scope; all others are reused. A loop that follows a
repeated node starts over; one that contains a repeated node reuses the rest.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aasim_core.data.records import find_or_none, insert_rows
from aasim_core.errors import Invalid, Problem, Refused

from ..executions import service as executions
from ..executions.models import UNKNOWN, Execution, ToolCall
from . import service
from .definition import body_of
from .kernel import flow as f
from .kernel.flow import CANCELLED, ERROR, RUN, SKIPPED, Flow, Instance
from .models import COMPENSATED, GIVEN, NOT_KNOWN, OUTPUT, REDONE, REUSED, NodeRow, ResultRow
from .shell import compensation
from .shell.results import Results
from .shell.stored_flow import whole_flow
from .shell.turn import RERUN

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal


@dataclass(frozen=True)
class Planned:
    """What becomes of a node: its `verdict`, and what it cost the last time, in micro-units of a currency, where that is known.

    ``compensated`` is redone, since it was undone; ``unknown`` too, although it may have been done.
    """

    path: str
    verdict: str
    cost: int | None = None
    currency: str | None = None


class Rerun:
    """An ended run, and the part to repeat: from these paths on, or the failed part; `edits` are replaced outputs.

    People's decisions are reused only for the same question: in no other version, and without edits.
    """

    def __init__(
        self, app: "App", execution: Execution, paths: Collection[str] | None, edits: Mapping[str, Any], version: int | None
    ) -> None:
        pinned = service.pinned_definition(execution.subject_id or "", execution.subject_version or 0)
        if pinned is None:
            raise Refused("invalid_state", "The version that ran is not there any more.")
        executions.refuse_unless_repeatable(execution)
        self._app, self.execution, self._definition, self._edits = app, execution, pinned, dict(edits)
        self._version = version or execution.subject_version
        self._flow = whole_flow(execution, pinned.graph)
        self._rows = {row.path: row for row in NodeRow.select().where(NodeRow.execution_id == execution.id)}
        self._named = self._paths_that_failed() if paths is None else set(paths)
        _refuse_unknown("paths", self._named, self._flow, self._rows)
        _refuse_unknown("edits", set(edits), self._flow, {path: row for path, row in self._rows.items() if row.state == "ended"})
        _refuse_decided([path for path in edits if self._was_decided(self._flow.instances[path])])

    def _paths_that_failed(self) -> set[str]:
        """What ended with an error that no edge took, and is no loop: what failed in it does."""
        return {path for path, each in self._flow.instances.items() if each.is_failure and not self._is_loop(each)}

    def _is_loop(self, instance: Instance) -> bool:
        return body_of(self._definition.nodes[instance.node]) is not None

    def _was_decided(self, instance: Instance) -> bool:
        """Whether people decided it, as far as is known: a type may be off."""
        kind = self._app.offers.here("node_types").get(self._definition.nodes[instance.node]["type"])
        return kind is None or kind.ask is not None

    def plan(self) -> Sequence[Planned]:
        """What becomes of each node that there was, in the order in which they began."""
        undone, redone = self._undone(), self._redone()
        unknown = self._unknown()
        return [
            self._planned(each, undone=each.path in undone, is_redone=each.path in redone, is_unknown=each.number in unknown)
            for each in sorted(self._flow.instances.values(), key=lambda each: each.number)
            if each.path in self._edits or not (self._is_loop(each) or each.outcome == SKIPPED)
        ]

    def _planned(self, instance: Instance, *, undone: bool, is_redone: bool, is_unknown: bool) -> Planned:
        if instance.path in self._edits or not (is_redone or undone):
            return Planned(instance.path, REUSED)
        child: Execution | None = find_or_none(Execution, self._rows[instance.path].child_id or "")
        verdict = NOT_KNOWN if is_unknown else COMPENSATED if undone else REDONE
        return Planned(instance.path, verdict, *(None, None) if child is None else (child.cost, child.currency))

    def _redone(self) -> set[str]:
        """The nodes that are redone, found scope by scope, from the outermost in."""
        undone = self._undone()
        redone: set[str] = set()
        for scope in sorted({each.scope for each in self._flow.instances.values()}, key=lambda scope: scope.count(".")):
            anew = scope != RUN and self._is_anew(f.loop_of(scope), redone)
            mine = self._flow.of_scope(scope)
            starts = {id_ for id_, each in mine.items() if anew or self._must_be_redone(each, undone)}
            touched = {id_ for id_, each in mine.items() if self._is_touched(each, undone)}
            followers = set(_after(self._flow, scope, starts | touched))
            redone |= {mine[id_].path for id_ in (starts | followers) & mine.keys() if mine[id_].path not in self._edits}
        return redone

    def _must_be_redone(self, instance: Instance, undone: Collection[str]) -> bool:
        if instance.path in self._edits:
            return False
        was_done = instance.state == "ended" and instance.outcome not in (ERROR, CANCELLED)
        is_own = instance.path in self._named or instance.path in undone or self._is_asked_anew(instance)
        return is_own or not (was_done or self._is_loop(instance))

    def _is_asked_anew(self, instance: Instance) -> bool:
        return self._version != self.execution.subject_version and self._was_decided(instance)

    def _is_anew(self, loop: str, redone: Collection[str]) -> bool:
        return loop in redone or loop in self._named

    def _is_touched(self, instance: Instance, undone: Collection[str]) -> bool:
        """Whether something in a loop is redone, or its outcome is another now, so that what follows the loop is redone, too."""
        if instance.path in self._edits:
            return True
        below = (each for each in self._flow.instances.values() if each.scope != RUN and _is_below(each, instance.path))
        return self._is_loop(instance) and any(self._must_be_redone(each, undone) or each.path in self._edits for each in below)

    def _undone(self) -> set[str]:
        """What the run had done, and was undone since."""
        run = self._rows.get(RUN)
        if run is not None and run.child_id is not None:
            return set(compensation.undone_by(run.child_id))
        if compensation.is_due(self.execution):
            raise Refused("invalid_state", "What the run has done is to be undone first, which has not begun yet.")
        return set()

    def _unknown(self) -> set[int]:
        """Return the numbers of the nodes whose completion is unknown."""
        calls = ToolCall.select(ToolCall.turn).where(ToolCall.execution_id == self.execution.id, ToolCall.status == UNKNOWN)
        return {call.turn for call in calls}

    def start(self, principal: "Principal", key: str | None = None) -> Execution:
        """Do what the plan says, in a new run, which the `key` names."""
        workflow = service.find_allowed(self._app, self.execution.subject_id or "", principal)
        started = service.start(
            self._app,
            workflow,
            self.execution.input,
            principal.user_id,
            number=self._version,
            metadata=self.execution.metadata,
            trigger={"type": RERUN, "id": self.execution.id},
            retry_of=self.execution,
            api_key_id=principal.api_key_id,
            key=key,
        )
        facts = {"organization_id": started.organization_id, "execution_id": started.id, "kind": GIVEN}
        given = self._given(principal.user_id)
        insert_rows(ResultRow, [ResultRow(**facts, path=path, value=value).row() for path, value in given])
        return started

    def _given(self, user_id: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """What the new run is given of the nodes that it does not redo."""
        reused = [each.path for each in self.plan() if each.verdict == REUSED]
        outputs = dict(zip(reused, Results(self.execution).many(reused, OUTPUT), strict=True))
        for path, output in outputs.items():
            is_edited, instance = path in self._edits, self._flow.instances[path]
            value = {"output": self._edits[path] if is_edited else output, "outcome": _outcome(instance, is_edited)}
            yield path, {**value, "execution_id": self.execution.id, "edited_by": user_id if is_edited else None}


def _outcome(instance: Instance, is_edited: bool) -> str:
    """The outcome of a reused node; one that had failed is done where somebody wrote its output."""
    is_other = instance.outcome in (None, ERROR, CANCELLED, SKIPPED)
    return "done" if is_edited and is_other else str(instance.outcome)


def _is_below(instance: Instance, loop: str) -> bool:
    return instance.scope == loop or instance.scope.startswith((f"{loop}.", f"{loop}[", f"{loop}#"))


def _after(flow: Flow, scope: str, starts: Collection[str]) -> Iterator[str]:
    """The nodes of the scope that come after these."""
    graph, seen, todo = flow.graph_of(scope), set[str](), list(starts)
    while todo:
        for number in graph.outgoing[todo.pop()]:
            target = graph.edges[number].target
            if target not in seen:
                seen.add(target)
                todo.append(target)
                yield target


def _refuse_decided(paths: Sequence[str]) -> None:
    """Invalid for edits of what people decided."""
    message = "People's decisions cannot be edited; name the node in paths, so that they are asked again."
    if paths:
        raise Invalid({f"edits.{path}": [Problem("invalid_reference", message)] for path in paths})


def _refuse_unknown(field: str, paths: Collection[str], flow: Flow, there: Mapping[str, Any]) -> None:
    """Invalid for paths at which the run had no node."""
    problems = {}
    for path in sorted(paths):
        if path not in there or path not in flow.instances:
            known = ", ".join(sorted(path for path in there if path != RUN)[:20])
            problems[f"{field}.{path}" if field == "edits" else field] = [
                Problem("invalid_reference", f"The run has no node {path} that could be meant here; it has {known}.")
            ]
    if problems:
        raise Invalid(problems)
