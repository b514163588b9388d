"""The runners of workflows, and of the child runs that execute one node."""

from functools import partial
from typing import TYPE_CHECKING

from ..executions.hookspecs import Finished, Run, RunFailed, Runner, ToolError
from ..executions.models import Execution
from . import service
from .hookspecs import NodeFailed, NodeType, NodeUse, Result
from .shell import calls
from .shell.enabled_types import enabled_type
from .shell.questions import asked
from .shell.turn import WorkflowTurn

if TYPE_CHECKING:
    from aasim_core.app import App


def workflow_runner(app: "App") -> Runner:
    """The runner of the kind ``workflow``."""

    def run(run: Run) -> Finished:
        execution = run.execution
        pinned = service.pinned_definition(execution.subject_id or "", execution.subject_version or 0)
        if pinned is None:
            raise RunFailed("workflow_missing", "The workflow is not there any more.")
        return WorkflowTurn(app, run, pinned).go()

    return Runner(service.KIND, run, restart=partial(service.restart, app), refusals=("too_many_at_once",))


def node_runner(app: "App") -> Runner:
    """The runner of the kind ``workflow_node``: one call, or one question to people, for the run that started it."""

    def run(run: Run) -> Finished:
        use = _use_of(app, run.execution)
        kind = enabled_type(app, use.type, use.path)
        try:
            result = _done(run, kind, use)
        except ToolError as failed:
            raise RunFailed(failed.code or calls.FAILED, failed.message) from failed
        return Finished({"output": result.output, "outcome": result.outcome})

    return Runner(service.NODE_KIND, run)


def _done(run: Run, kind: NodeType, use: NodeUse) -> Result:
    """What comes of the node; raises NodeFailed, and what ends the turn."""
    if kind.ask is None or kind.decided is None:
        return Result(calls.make_once(run, calls.bound_of(kind, use), 1, use.path))
    if (decision := run.ask(partial(asked, kind.ask, use, run.execution.input.get("again")))) is None:
        raise NodeFailed("approvals_off", "People were to be asked, and approvals are off here.")
    return kind.decided(decision)


def _use_of(app: "App", execution: Execution) -> NodeUse:
    """The node that the run does, of the run that is its parent."""
    given, path = execution.input, execution.trigger["id"]
    return NodeUse(
        app,
        execution,
        given["type"],
        path,
        given["config"],
        given["input"],
        execution.label or path,
        execution.effects_as or f"{execution.parent_id}:{path}",
    )
