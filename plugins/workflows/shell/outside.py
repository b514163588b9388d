"""Outside work of a turn: calls, child runs and waits, and writing all its results in one transaction."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aasim_core import PluginFault
from aasim_core.clock import now
from aasim_core.data.records import database_of, find_or_none
from aasim_core.errors import Refused
from aasim_core.identity.on_behalf_of import principal_now

from ...executions import service as executions
from ...executions.hookspecs import Interrupted, Run, RunLater, RunWaits, ToolError, ToolLater, TurnEnds
from ...executions.models import Execution, ToolCall
from ...executions.service import BoundTool, Settled, Wait, for_child, needs_approval, until
from .. import service
from ..hookspecs import NodeFailed, NodeType, NodeUse, Result
from ..kernel import flow as f
from ..models import NodeRow
from . import calls
from .questions import Again
from .results import Results
from .stored_flow import StoredFlow

#: How many calls that need no record before they are made are recorded in one transaction.
_MOST_UNRECORDED = 50
#: How long a turn makes quick calls before it hands the run over, so that other runs have their turn.
_TURN_SECONDS = 1.0


@dataclass(frozen=True)
class Prepared:
    """A node about to begin, with its expressions evaluated; `is_new` is whether this is the attempt's first start.

    One that asks may ask `again`.
    """

    kind: NodeType
    use: NodeUse
    number: int
    attempt: int
    timeout_seconds: float | None
    is_new: bool
    bound: BoundTool | None = None
    again: Again | None = None

    @property
    def may_have_effect(self) -> bool:
        """Whether the call may have an effect, so that the run looks for a cancel right before it."""
        return self.bound is None or self.bound.tool.needs_record_before


class Outside:
    """The nodes that are to begin, to be tried again, or to be cancelled, and the waits that have ended, until they are written."""

    def __init__(self, run: Run, stored: StoredFlow, results: Results) -> None:
        self._run, self._stored, self._results = run, stored, results
        self._quick_until: float | None = None
        self._unrecorded = 0
        self._end_of_turn: TurnEnds = RunWaits()
        self._ready: dict[str, Prepared] = {}
        self._quick: dict[str, Prepared] = {}
        self._timers: dict[str, Wait] = {}
        self._closing: list[str] = []
        self._settled: list[str] = []
        self._also: list[Callable[[], object]] = []

    def settled(self) -> list[Settled]:
        """The waits that have ended since the last turn."""
        settled = list(self._run.waits.settled())
        self._settled = [each.path for each in settled]
        return settled

    def is_waiting(self, path: str) -> bool:
        """Whether a node waits for something, or what it waited for has just come."""
        return path in self._run.waits.open_paths or path in self._settled

    def prepare(self, prepared: Prepared) -> None:
        """Have a node begin."""
        if prepared.kind.bind is not None:
            prepared = replace(prepared, bound=calls.bound_of(prepared.kind, prepared.use))
        (self._quick if self._is_quick(prepared) else self._ready)[prepared.use.path] = prepared

    def also(self, write: Callable[[], object]) -> None:
        """Have something written together with what became of the nodes."""
        self._also.append(write)

    def retry(self, path: str, seconds: float) -> None:
        """Restart a node after this many seconds."""
        self._timers[path] = until(now() + timedelta(seconds=seconds))

    def cancel(self, path: str) -> None:
        """Stop a node's work."""
        for pending in (self._ready, self._quick, self._timers):
            pending.pop(path, None)
        self._closing.append(path)

    def here(self) -> Prepared | None:
        """Return the call to make in this turn: the only work of the run, or a quick one once all else has begun.

        Raises Interrupted where other runs are to have their turn.
        """
        if self._ready:
            return self._alone()
        if self._quick and self._quick_until is not None and time.monotonic() > self._quick_until:
            raise Interrupted
        return next(iter(self._quick.values()), None)

    def _alone(self) -> Prepared | None:
        if len(self._ready) + len(self._quick) != 1 or self._timers:
            return None
        [prepared] = self._ready.values()
        if prepared.timeout_seconds is not None or not prepared.kind.is_call:
            return None
        flow = self._stored.flow
        others = (each for each in flow.instances.values() if each.state != "ended" and each.path != prepared.use.path)
        return prepared if all(flow.scopes_in(each.path) for each in others) else None

    def _is_quick(self, prepared: Prepared) -> bool:
        """Whether the call takes so little time that nothing has to wait for it."""
        bound = prepared.bound
        if bound is None or not bound.tool.quick or prepared.timeout_seconds is not None:
            return False
        return not needs_approval(self._run, self._row_of(prepared, bound), bound)

    def _row_of(self, prepared: Prepared, bound: BoundTool) -> ToolCall:
        return calls.row_of(self._run, bound, prepared.number, prepared.attempt, prepared.use.path, is_new=prepared.is_new)

    def call(self, prepared: Prepared) -> Any:
        """Make the call here; returns what it gives. What became of other nodes is written together with its beginning.

        Raises NodeFailed, and what ends the turn.
        """
        path = prepared.use.path
        if self._quick.pop(path, None) is None:
            del self._ready[path]
        else:
            self._quick_until = self._quick_until or time.monotonic() + _TURN_SECONDS
        self._begin(path)
        bound = prepared.bound or calls.bound_of(prepared.kind, prepared.use)
        row = self._row_of(prepared, bound)
        self._unrecorded += 1
        if self._also or self._unrecorded > _MOST_UNRECORDED:  # what is also written may fail
            self.commit()
        self._run.also(self._write, is_progress=self._stored.has_ended)
        return calls.make(self._run, row, bound)

    def open_all(self) -> Mapping[str, ToolError]:
        """Begin all pending nodes but quick ones, each in a run of its own or as a wait; returns why some could not.

        Where some cannot begin yet, the turn is to end with `RunLater`: they begin when the run continues.
        """
        ready, self._ready = self._ready, {}
        failed: dict[str, ToolError] = {}
        later: list[RunLater] = []
        for path in ready:
            self._begin(path)

        def begin() -> None:
            failed.clear()
            later.clear()
            self._run.waits.forget(self._settled)  # or else a path that waited for its next attempt is taken to be over
            begun = {path: self._begun(prepared, failed, later) for path, prepared in ready.items()}
            self._run.waits.open({path: wait for path, wait in begun.items() if wait is not None})

        self._run.also(begin)
        self.commit()
        if later:
            self._end_of_turn = later[0]
        return failed

    def end_turn(self) -> None:
        """Raise what ends the turn, unless there is a call to make in it."""
        if not self._quick:
            raise self._end_of_turn

    def _begin(self, path: str) -> None:
        self._stored.feed(f.Started(path))
        self._stored.started(path, None)

    def _begun(self, prepared: Prepared, failed: dict[str, ToolError], later: list[RunLater]) -> Wait | None:
        try:
            if prepared.kind.wait is not None:
                _refuse_unless_allowed(prepared)
                return prepared.kind.wait(prepared.use)
            return self._child_of(prepared)
        except ToolError as reason:
            failed[prepared.use.path] = reason
        except ToolLater as reason:
            later.append(reason.ends_turn())
        except Refused as refused:
            if refused.retry_after is not None:
                later.append(RunLater(refused.retry_after, refused.message))
            else:
                failed[prepared.use.path] = NodeFailed(refused.code, refused.message)
        return None

    def _child_of(self, prepared: Prepared) -> Wait:
        child = prepared.kind.child(prepared.use) if prepared.kind.child else _run_of(prepared.use, prepared.again)
        seconds = prepared.timeout_seconds
        self._stored.started(prepared.use.path, child.id)
        return for_child(child.id, None if seconds is None else now() + timedelta(seconds=seconds))

    def commit(self) -> None:
        """Write what became of the nodes; raises `CancelRequested` where the run was ended meanwhile, and `PluginFault`."""
        self._run.also(self._write, is_progress=self._stored.has_ended)
        try:
            self._run.flush()
        except PluginFault:  # which ends the run, and is not to end that again
            self._also = []
            raise

    def write_at_the_end(self) -> None:
        """Write what became of the nodes together with the end of the run, which ends all waits; before, what may fail."""
        if self._also:
            self.commit()
        self._timers, self._closing, self._settled = {}, [], []
        self._run.also(self._write, is_progress=self._stored.has_ended)

    def _write(self) -> None:
        self._stored.write()
        self._results.write()
        self._run.waits.forget(self._settled)
        self._run.waits.close([path for path in self._closing if path in self._run.waits.open_paths])
        self._run.waits.open(self._timers)
        for write in self._also:
            write()
        database_of(NodeRow).current_transaction().after_commit.append(self._written)

    def _written(self) -> None:
        self._stored.written()
        self._results.written()
        self._timers, self._closing, self._settled, self._also, self._unrecorded = {}, [], [], [], 0


def _refuse_unless_allowed(prepared: Prepared) -> None:
    """NodeFailed where the run's starter currently may not use what the node uses."""
    use = prepared.use
    if (used := prepared.kind.uses(use.app, use.config)) is None:
        return
    principal = principal_now(use.execution.initiator_id or "", use.execution.api_key_id)
    if principal is None or not used.allowed(use.app.rights.of(principal), principal.user_id):
        raise NodeFailed(used.code, used.refusal)


def _run_of(use: NodeUse, again: Again | None) -> Execution:
    """A run that makes one call, or asks one question, perhaps again."""
    parent = use.execution
    given = {"type": use.type, "config": dict(use.config), "input": use.given}
    return executions.start(
        use.app,
        service.NODE_KIND,
        given if again is None else {**given, "again": again._asdict()},
        label=use.label,
        initiator_id=parent.initiator_id or "",
        project_id=parent.project_id,
        trigger={"type": "workflow", "id": use.key.rpartition(":")[2]},
        parent=parent,
        api_key_id=parent.api_key_id,
        effects_as=use.key,
    )


def outcome_of(child_id: str, settled: Settled) -> Result:
    """How the run that did a node has ended; raises NodeFailed unless it succeeded."""
    if settled.kind == "timer":
        raise NodeFailed("timeout", "It used up its time.")
    child = find_or_none(Execution, child_id)
    if child is None:
        raise NodeFailed("execution_missing", "The run of the node is gone.")
    if settled.status != "succeeded":
        error = child.error or {}
        raise NodeFailed(error.get("code") or settled.status, error.get("message") or f"Its run was {settled.status}.")
    return Result(**child.output) if child.kind == service.NODE_KIND else Result(child.output)
