"""A turn of a workflow's run: events go to the kernel, and its commands are executed, until everything left is waiting.

Computing nodes run at once. A call runs here if the run has no other work, or its tool is quick; otherwise in a run of its own, like
agents and other workflows: so branches are executed by any workers in parallel, and a chain by one thread. A node's result is written
together with the start of the next nodes.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core.text.json import to_json
from aasim_core.user_code.values import LONGEST_FILLED

from ...executions.hookspecs import CancelRequested, Finished, Run, RunFailed, RunWaits, ToolError, TurnEnds
from ...executions.service import Settled, identity_of
from ..definition import Definition, body_of
from ..hookspecs import NodeFailed, NodeType, NodeUse, Result
from ..kernel import flow as f
from ..kernel.decide import is_stopped
from ..kernel.flow import Command, Event, Instance
from ..models import ASKED, ERROR, GIVEN, ITEMS, OUTPUT, SCOPE
from . import loops
from .calls import FAILED
from .data import Data
from .enabled_types import enabled_type
from .outside import Outside, Prepared, outcome_of
from .questions import Again, outdated, repeated
from .results import Results
from .retries import retry_after
from .stored_flow import StoredFlow

if TYPE_CHECKING:
    from aasim_core.app import App

#: As many as a loop's items, and a definition's nodes.
_MOST_INSTANCES = 5_200
#: What starts a run that does a part of an earlier one again.
RERUN = "rerun"


class WorkflowTurn:
    """One turn."""

    def __init__(self, app: "App", run: Run, definition: Definition) -> None:
        self._app, self._run, self._definition = app, run, definition
        self._results = Results(run.execution)
        self._stored = StoredFlow(run.execution, definition.graph)
        self._outside = Outside(run, self._stored, self._results)
        self._todo: deque[Command] = deque()
        self._finish: f.Finish | None = None
        self._is_rerun = run.execution.trigger["type"] == RERUN
        self._cancelled: deque[str] = deque()
        self._outdated: dict[str, Again] = {}

    def go(self) -> Finished:
        """Go as far as it goes; raises what ends the turn."""
        try:
            self._begin() if self._stored.is_new else self._resume()
            self._work_off()
            while self._finish is None:
                self._next()
        except (CancelRequested, RunWaits):
            raise
        except TurnEnds:
            self._outside.commit()
            raise
        return self._finished(self._finish)

    def _next(self) -> None:
        if (call := self._outside.here()) is not None:
            self._run.check(closely=call.may_have_effect)
            instance = self._stored.flow.instances[call.use.path]
            self._end(instance, lambda: Result(self._outside.call(call)))
        elif failed := self._outside.open_all():
            for path, reason in failed.items():
                self._fail(self._stored.flow.instances[path], reason)
        else:
            self._outside.end_turn()
        self._work_off()

    def _begin(self) -> None:
        self._feed(f.Begin())

    def _resume(self) -> None:
        """Take what has ended since the last turn, and do again what that did not come to."""
        settled = self._outside.settled()
        self._feed(f.Resumed())
        for instance in list(self._stored.flow.instances.values()):
            if instance.state == "active" and self._is_interrupted(instance):
                self._todo.append(f.Perform(instance.path))
        for each in settled:
            self._take(each)

    def _is_interrupted(self, instance: Instance) -> bool:
        return body_of(self._written(instance)) is None and not self._outside.is_waiting(instance.path)

    def _take(self, settled: Settled) -> None:
        instance = self._stored.flow.instances.get(settled.path)
        if instance is None or instance.state == "ended":
            return
        kind = self._type_of(instance)
        if kind.came is not None:
            self._end(instance, partial(kind.came, settled))
        elif kind.ask is not None and (again := outdated(self._app, self._stored.child_of(settled.path), settled)) is not None:
            self._run.log(
                "question_outdated", f"{settled.path} is asked again.", path=settled.path, level="warning", data=again.told
            )
            self._outdated[settled.path] = again
            self._todo.append(f.Perform(settled.path))
        elif settled.status != "succeeded" or settled.kind == "child":
            self._end(instance, partial(outcome_of, self._stored.child_of(settled.path) or "", settled))
        elif is_stopped(self._stored.flow, instance.scope):
            self._fail(instance, NodeFailed("cancelled", "It was to be tried again, but another node failed first."))
        else:
            self._todo.append(f.Perform(instance.path))

    def _feed(self, event: Event) -> None:
        self._todo += self._stored.feed(event)
        if self._stored.flow.made > _MOST_INSTANCES:
            raise RunFailed("too_many_nodes", f"A run has at most {_MOST_INSTANCES} nodes; those of each item and round count.")

    def _work_off(self) -> None:
        while self._todo or self._cancelled:
            if self._todo:
                command = self._todo.popleft()
                self._do[type(command)](self, command)
            else:
                self._feed(f.Ended(self._cancelled.popleft(), f.CANCELLED))

    def _perform(self, command: f.Perform) -> None:
        """Compute the node, or prepare its work outside."""
        instance = self._stored.flow.instances[command.path]
        if instance.state == "ended":
            return
        if self._is_rerun and self._results.has(command.path, GIVEN):
            self._reuse(instance, self._results.get(command.path, GIVEN))
            return
        kind, config = self._type_of(instance), self._config(instance)
        if kind.is_loop:
            self._guarded(instance, lambda: self._begin_loop(instance, config))
        elif kind.compute is not None:
            self._end(instance, partial(kind.compute, config, self._data(instance.scope, instance.node)))
        else:
            self._guarded(instance, lambda: self._prepare(instance, kind, config))

    def _reuse(self, instance: Instance, given: Mapping[str, Any]) -> None:
        """End a node as it ended in an earlier run, or with what somebody wrote instead."""
        path, outcome = instance.path, given["outcome"]
        self._stored.reused(path, given["execution_id"], given["edited_by"])
        if outcome == f.CANCELLED:  # by something that is reused, too, and comes first
            self._cancelled.append(path)
            return
        for kind in (OUTPUT, ERROR):
            if kind in given:
                self._results.keep(path, kind, given[kind])
        try:
            taken = self._taken(instance, outcome)
        except NodeFailed as failed:
            self._fail(instance, failed)
        else:
            self._feed(f.Ended(path, outcome, taken))

    def _prepare(self, instance: Instance, kind: NodeType, config: Mapping[str, Any]) -> None:
        written, data = self._written(instance), self._data(instance.scope, instance.node)
        filled = data.fill_for(kind, config)
        label, given = written.get("name") or instance.node, data.fill(written.get("input"))
        key = f"{identity_of(self._run.execution)}:{self._stored.made_as(instance.path)}"
        named = data.named_by([config[name] for name in kind.filters if name in config]) if kind.filters else {}
        use = NodeUse(
            self._app, self._run.execution, kind.type, instance.path, filled, given, label, key, named, instance.attempt
        )
        self._outside.prepare(
            Prepared(
                kind,
                use,
                instance.number,
                instance.attempt,
                written.get("timeout_seconds"),
                instance.state == "ready",
                again=self._asked_before(instance) if kind.ask is not None else None,
            )
        )

    def _asked_before(self, instance: Instance) -> Again | None:
        """The question that the node replaces: what follows that is another, or a rerun repeats it."""
        if (again := self._outdated.pop(instance.path, None)) is not None or not self._is_rerun:
            return again
        asked = self._results.get(instance.path, ASKED)
        return asked and Again(asked["approval_id"], repeated(asked["repeats"]), is_fixed=True)

    def _begin_loop(self, instance: Instance, config: Mapping[str, Any]) -> None:
        if "items" not in config:
            self._check(f.Check(instance.path))
            return
        if not self._results.has(instance.path, ITEMS):
            self._results.keep(instance.path, ITEMS, loops.items_of(config, self._data(instance.scope, instance.node)))
        self._feed(f.Expanded(instance.path, len(self._results.get(instance.path, ITEMS))))

    def _check(self, command: f.Check) -> None:
        instance = self._stored.flow.instances[command.path]
        item = (loops.last_output(self._results, instance), instance.begun)
        data, config = self._data(instance.scope, instance.node, item), self._config(instance)
        self._guarded(instance, lambda: self._feed(f.Checked(instance.path, loops.goes_on(config, data, instance.begun))))

    def _collect(self, command: f.Collect) -> None:
        """Keep the output of a scope that is over; of one that failed, the error."""
        scope, flow = command.scope, self._stored.flow
        if scope not in flow.scopes_in(f.loop_of(scope)):
            return
        loop = flow.instances[f.loop_of(scope)]
        error = None if command.cause is None else self._results.get(command.cause, ERROR)
        if error is None:
            try:
                output = loops.output_of(self._config(loop)["body"], flow.graph_of(scope), self._data(scope))
            except NodeFailed as failed:
                error = _error(scope, failed)
                self._results.keep(scope, ERROR, error)
        if loops.collects(self._config(loop)):
            self._results.keep(scope, SCOPE, output if error is None else {"error": error})
        self._feed(f.Collected(scope, is_ok=error is None))

    def _gather(self, command: f.Gather) -> None:
        instance = self._stored.flow.instances[command.path]
        if instance.state == "ended":
            return
        if command.cause is None:
            self._end(instance, lambda: Result(loops.gathered(self._config(instance), instance, self._results)))
        else:
            error = self._results.get(command.cause, ERROR)
            self._fail(instance, NodeFailed(error["code"], f"{command.cause}: {error['message']}"))

    def _over(self, command: f.Finish) -> None:
        self._finish = command

    _do: Mapping[type, Callable[["WorkflowTurn", Any], None]] = {
        f.Perform: _perform,
        f.Check: _check,
        f.Collect: _collect,
        f.Gather: _gather,
        f.Cancel: lambda self, command: self._outside.cancel(command.path),
        f.Finish: _over,
    }

    # How nodes end.

    def _guarded(self, instance: Instance, act: Callable[[], None]) -> None:
        try:
            act()
        except ToolError as failed:
            self._fail(instance, failed)

    def _end(self, instance: Instance, make: Callable[[], Result]) -> None:
        """End the node with its result, and take the edges that follow from it."""
        try:
            result = make()
            if len(to_json(result.output)) > LONGEST_FILLED:
                raise NodeFailed("output_too_large", f"The output is larger than {LONGEST_FILLED // 1024} KiB.")
            self._results.keep(instance.path, OUTPUT, result.output)
            taken = self._taken(instance, result.outcome)
        except ToolError as failed:
            self._fail(instance, failed)
        else:
            if result.also is not None:
                self._outside.also(result.also)
            self._feed(f.Ended(instance.path, result.outcome, taken))

    def _fail(self, instance: Instance, failed: ToolError) -> None:
        """Try the node again where it is to be, and else end it with the error."""
        written, error = self._written(instance), _error(instance.path, failed)
        self._results.drop(instance.path, OUTPUT)
        name = f"{self._run.execution.id} {instance.path}"
        seconds = retry_after(written.get("retry") or {}, error["code"], name, instance.attempt)
        if seconds is not None and not is_stopped(self._stored.flow, instance.scope):
            self._run.log("node_retried", f"{instance.path} is tried again.", path=instance.path, level="warning", data=error)
            self._feed(f.Started(instance.path))
            self._feed(f.Retried(instance.path))
            self._outside.retry(instance.path, seconds)
            return
        self._run.log(
            "node_failed", f"{instance.path} failed.", path=instance.path, level="error", data=error, content=failed.message
        )
        self._results.keep(instance.path, ERROR, error)
        outcome = f.DONE if written.get("on_error") == "continue" else f.ERROR
        try:
            taken = self._taken(instance, outcome)
        except NodeFailed:
            taken = ()
        self._feed(f.Ended(instance.path, outcome, taken))

    def _taken(self, instance: Instance, outcome: str) -> tuple[int, ...]:
        graph, data = self._stored.flow.graph_of(instance.scope), self._data(instance.scope)
        edges = [(n, graph.edges[n]) for n in graph.outgoing[instance.node]]
        return tuple(n for n, edge in edges if edge.on == outcome and (edge.condition is None or data.is_true(edge.condition)))

    def _finished(self, finish: f.Finish) -> Finished:
        """The output of the run; raises RunFailed where an error ended it."""
        self._outside.write_at_the_end()
        if (cause := finish.cause) is None:
            try:
                return Finished(loops.output_of(self._definition.written, self._definition.graph, self._data(f.RUN)))
            except NodeFailed as failed:
                raise RunFailed(failed.code, f"output: {failed.message}", meta={"path": "output"}) from failed
        if (error := self._results.get(cause, ERROR)) is None:  # a node of the type end has ended it
            ended = self._results.get(cause, OUTPUT)
            if ended["status"] == "succeeded":
                return Finished(ended["output"])
            error = {"code": "ended", "message": ended["error"]}
        raise RunFailed(error["code"], f"{cause}: {error['message']}", meta={"path": cause})

    # Looking things up.

    def _written(self, instance: Instance) -> Mapping[str, Any]:
        return self._definition.nodes[instance.node]

    def _config(self, instance: Instance) -> Mapping[str, Any]:
        return self._written(instance).get("config") or {}

    def _type_of(self, instance: Instance) -> NodeType:
        """Return the type of the node; `RunLater` while no enabled plugin provides it."""
        return enabled_type(self._app, self._written(instance)["type"], instance.path)

    def _data(self, scope: str, node: str = "", item: tuple[Any, int] | None = None) -> Data:
        return Data(self._run.execution, self._definition, self._stored.flow, self._results, scope, node, item)


def _error(path: str, failed: ToolError) -> dict[str, Any]:
    return {"code": failed.code or FAILED, "message": failed.message, "path": path}
