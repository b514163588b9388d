"""The stored flow of a run."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from aasim_core.clock import now
from aasim_core.data.compiled import compiled
from aasim_core.data.records import insert_rows
from aasim_core.data.statements import Bind

from ...executions.models import Execution
from ..kernel.decide import decide
from ..kernel.flow import RUN, Command, Event, Flow, Instance
from ..kernel.graph import Graph
from ..models import NodeRow

_FIELDS = [field.name for field in fields(Instance)]
_COUNTED = Instance(RUN, RUN, RUN, 0, "active")


class StoredFlow:
    """A flow, and what of it is not written yet. What is over is not read: a turn takes as long however much there was before."""

    def __init__(self, execution: Execution, graph: Graph) -> None:
        self._execution = execution
        live = list(NodeRow.select().where(NodeRow.execution_id == execution.id, NodeRow.is_live))
        rows = {row.path: row for row in live}
        self._there = set(rows)
        self._children = {path: row.child_id for path, row in rows.items() if row.child_id}
        self._made_as = {path: row.made_as for path, row in rows.items() if row.made_as}
        self.flow = flow_of(live, graph)
        self._new: dict[str, dict[str, Any]] = {}

    @property
    def is_new(self) -> bool:
        """Return whether the run has not begun."""
        return not self._there

    @property
    def has_ended(self) -> bool:
        """Whether a node has ended that is not written yet."""
        return any(values.get("state") == "ended" for values in self._new.values())

    def child_of(self, path: str) -> str | None:
        """The run that does the node."""
        return self._children.get(path)

    def made_as(self, path: str) -> str:
        """The path that the node had when it was made."""
        return self._made_as.get(path, path)

    def started(self, path: str, child_id: str | None) -> None:
        """Record that a node has begun, by a run of its own if that has an id."""
        if child_id is not None:
            self._children[path] = child_id
        self._note(path, {"child_id": child_id, "started_at": now()})

    def reused(self, path: str, execution_id: str, edited_by: str | None) -> None:
        """Note that a node is not done, for its result comes from another run, or from a user."""
        self._note(path, {"reused_from": execution_id, "edited_by": edited_by})

    def feed(self, event: Event) -> tuple[Command, ...]:
        """Apply an event; returns the resulting commands."""
        before = self.flow
        self.flow, commands = decide(before, event)
        for path, instance in self.flow.instances.items():
            if (former := before.instances.get(path)) is not instance:
                self._note(path, _difference(former, instance))
        for path in before.instances.keys() - self.flow.instances.keys():
            self._note(path, {"is_live": False})
        return commands

    def _note(self, path: str, values: Mapping[str, Any]) -> None:
        ended = {"finished_at": now()} if values.get("state") == "ended" else {}
        self._new.setdefault(path, {}).update({**values, **ended})

    def write(self) -> None:
        """Write new rows, in the running transaction; see `written`."""
        facts = {"organization_id": self._execution.organization_id, "execution_id": self._execution.id}
        counted = replace(_COUNTED, begun=self.flow.made, over=self.flow.finished)
        new = {**self._new, RUN: _difference(None if RUN not in self._there else _COUNTED, counted)} if self._new else {}
        insert_rows(NodeRow, [NodeRow(**facts, **values).row() for path, values in new.items() if path not in self._there])
        for path in new.keys() & self._there:
            row = NodeRow(**facts, **{"path": path, **new[path]}).row()
            _change.later(*new[path], **{name: row[name] for name in new[path]}, its_execution=row["execution_id"], its_path=path)

    def written(self) -> None:
        """Say that what was written is committed."""
        self._there |= self._new.keys() | {RUN}
        self._new = {}


@compiled(NodeRow)
def _change(*columns: str) -> Any:
    fields = NodeRow._meta.fields
    query = NodeRow.update({fields[name]: Bind(name) for name in columns})
    return query.where(NodeRow.execution_id == Bind("its_execution"), NodeRow.path == Bind("its_path"))


def flow_of(rows: Iterable[NodeRow], graph: Graph) -> Flow:
    """The flow that the rows of a run hold."""
    by_path = {row.path: row for row in rows}
    counted = by_path.pop(RUN, None)
    instances = {path: _instance_of(row) for path, row in by_path.items()}
    return Flow(graph, instances, *((counted.begun, counted.over) if counted else (0, 0)))


def whole_flow(execution: Execution, graph: Graph) -> Flow:
    """The flow of a run with all that there ever was in it."""
    return flow_of(NodeRow.select().where(NodeRow.execution_id == execution.id), graph)


def _instance_of(row: NodeRow) -> Instance:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Instance(**{**values, "taken": tuple(row.taken)})


def _difference(before: Instance | None, after: Instance) -> dict[str, Any]:
    """The columns of a row that differ; all for one that is not there."""
    values = {name: getattr(after, name) for name in _FIELDS if before is None or getattr(before, name) != getattr(after, name)}
    return {**values, "taken": list(after.taken)} if "taken" in values else values
