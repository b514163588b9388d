"""Rerun a part of a run; the dry run reports what is reused, what is repeated, and which decisions are asked for again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aasim_core.data.records import find_or_none, insert_rows
from aasim_core.errors import Invalid, Problem, Refused

from ..executions import service as executions
from ..executions.models import UNKNOWN, Execution, ToolCall
from . import service
from .definition import body_of
from .hookspecs import NodeType
from .kernel import flow as f
from .kernel.flow import CANCELLED, RUN, SKIPPED, Flow, Instance
from .models import ASKED, COMPENSATED, ERROR, GIVEN, NOT_KNOWN, OUTPUT, REDONE, REUSED, NodeRow, ResultRow
from .repeating import Part, Repeated, repeated
from .shell import compensation
from .shell.questions import decided_at, nodes_done_by_runs
from .shell.results import Results
from .shell.stored_flow import whole_flow
from .shell.turn import RERUN

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal


#: How many repeated nodes people are told who are asked again.
_MOST_TOLD = 20


@dataclass(frozen=True)
class Planned:
    """What becomes of a node: its `verdict`, and what it cost the last time, in micro-units of a currency, where that is known.

    ``compensated`` is redone, since it was undone; ``unknown`` too, although it may have been done. With `asks_again`, people decide again.
    """

    path: str
    verdict: str
    asks_again: bool = False
    cost: int | None = None
    currency: str | None = None


class Rerun:
    """An ended run, and the part to repeat: from these paths on, or the failed part; `edits` are replaced outputs.

    People's decisions are reused only where nothing with an effect follows them, and in no other version.
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
        unknown = self._unknown()
        return [
            self._planned(each, is_unknown=each.number in unknown)
            for each in sorted(self._flow.instances.values(), key=lambda each: each.number)
            if each.path in self._edits or not (self._is_loop(each) or each.outcome == SKIPPED)
        ]

    def _planned(self, instance: Instance, *, is_unknown: bool) -> Planned:
        path, undone = instance.path, instance.path in self._undone
        if path in self._edits or not (undone or path in self._repeated.redone or path in self._repeated.asked):
            return Planned(path, REUSED)
        child: Execution | None = find_or_none(Execution, self._rows[path].child_id or "")
        verdict = NOT_KNOWN if is_unknown else COMPENSATED if undone else REDONE
        cost = (None, None) if child is None else (child.cost, child.currency)
        return Planned(path, verdict, path in self._asked or self._asks(instance), *cost)

    @cached_property
    def _repeated(self) -> Repeated:
        """What is repeated, and which decisions are asked for again."""
        written = self._definition.nodes
        asking = {path for path in self._asked if self._asks(self._flow.instances[path])}
        part = Part(
            named=self._named,
            undone=self._undone,
            edited=self._edits.keys(),
            asked=asking,
            asked_below=self._asked.keys() - asking,
            asks_all=self._version != self.execution.subject_version,
            effects={id_ for id_, node in written.items() if self._may_have_effect(node)},
            computed={id_ for id_, node in written.items() if (kind := self._type_of(node)) and kind.compute and not kind.writes},
        )
        return repeated(self._flow, part)

    def _type_of(self, node: Mapping[str, Any]) -> NodeType | None:
        """The type of the node; None while it is off."""
        kind: NodeType | None = self._app.offers.here("node_types").get(node["type"])
        return kind

    def _asks(self, instance: Instance) -> bool:
        kind = self._type_of(self._definition.nodes[instance.node])
        return kind is not None and kind.ask is not None

    def _may_have_effect(self, node: Mapping[str, Any]) -> bool:
        kind, config = self._type_of(node), node.get("config") or {}
        if kind is None or not kind.is_call:
            return kind is None or kind.can_undo
        effect = kind.effect(config) if kind.bind is None else kind.bind(self._app, config).tool.effect
        return effect != "read"

    @cached_property
    def _asked(self) -> Mapping[str, str]:
        """The runs of the nodes for which people decided something, by path."""
        return decided_at(nodes_done_by_runs([self.execution])[self.execution.id])

    @cached_property
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
        try:
            workflow = service.find_allowed(self._app, self.execution.subject_id or "", principal)
        except Refused as refused:
            raise executions.naming_subject(self.execution, refused) from refused
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
        facts = {"organization_id": started.organization_id, "execution_id": started.id}
        given = self._given(principal.user_id)
        insert_rows(ResultRow, [ResultRow(**facts, path=path, kind=kind, value=value).row() for path, kind, value in given])
        return started

    def _given(self, user_id: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """What the new run is given of the nodes that it does not redo: the path, the kind and the value of each."""
        results = Results(self.execution)
        reused = [each.path for each in self.plan() if each.verdict == REUSED]
        results.read(reused, OUTPUT, ERROR)
        for path in reused:
            instance = self._flow.instances[path]
            facts = {"execution_id": self.execution.id, "edited_by": None, "outcome": instance.outcome}
            if path in self._edits:
                yield (
                    path,
                    GIVEN,
                    {**facts, "edited_by": user_id, "outcome": _edited_outcome(instance), OUTPUT: self._edits[path]},
                )
            else:
                had = {kind: results.get(path, kind) for kind in (OUTPUT, ERROR) if results.has(path, kind)}
                yield path, GIVEN, {**facts, **had}
        for path in self._repeated.asked:
            yield path, ASKED, {"approval_id": executions.last_question(self._asked[path]), "repeats": self._repeats()}

    def _repeats(self) -> list[str]:
        """Some of the nodes that are repeated, for people who are asked again."""
        redone = self._repeated.redone - self._repeated.asked
        began = sorted((each for path, each in self._flow.instances.items() if path in redone), key=lambda each: each.number)
        return [each.path for each in began if not self._is_loop(each) and each.outcome != SKIPPED][:_MOST_TOLD]


def _edited_outcome(instance: Instance) -> str:
    """The outcome of a node whose output somebody wrote; one that had none, or had failed, is done."""
    is_other = instance.outcome in (None, f.ERROR, CANCELLED, SKIPPED)
    return "done" if is_other else str(instance.outcome)


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
