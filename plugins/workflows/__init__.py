"""Workflows: graphs of nodes that run durably, in versions."""

from collections.abc import Mapping, Sequence
from typing import Any

from aasim_core import App, Event, Job, Listener, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.schemas.fields import Choice, Id, Integer

from ..executions.hookspecs import Keeper, Runner, Startable
from . import api, executions_api, graph_api, keeping, runner, service
from .batches import retention, running
from .batches.api import Asking, Batches, BatchRuns
from .exchange import OWN
from .hookspecs import NodeType, WorkflowImporter
from .models import BATCH_KINDS, BATCH_STATUSES, Batch, BatchRun, NodeRow, ResultRow, Workflow, WorkflowVersion
from .nodes import acting, control, waiting
from .nodes.approval import APPROVAL
from .nodes.emitting import EMIT_EVENT, FAMILY
from .nodes.http import http
from .serverless import SERVERLESS_WORKFLOW
from .settings import WorkflowSettings
from .shell import compensation

plugin = Plugin("Workflows", "Graphs of nodes that run durably.", requires=("executions",), uses=("connected_apps",))


@hookimpl
def config_schema() -> type[WorkflowSettings]:
    """The section [workflows]."""
    return WorkflowSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The workflow, its versions, what becomes of the nodes of its runs, and batches."""
    return Workflow, WorkflowVersion, NodeRow, ResultRow, Batch, BatchRun


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about workflows."""
    return (
        Permission(
            "workflows:read", "See workflows and their runs", roles=("builder", "operator", "approver", "viewer", "auditor")
        ),
        Permission("workflows:create", "Create and import workflows", roles=("builder",)),
        Permission("workflows:update", "Change workflows", roles=("builder",)),
        Permission("workflows:execute", "Run workflows", roles=("builder", "operator")),
        Permission("workflows:delete", "Delete workflows", dangerous=True, roles=("builder",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to workflows, and what they say has happened; their runs have the events of executions."""
    asked = {
        "batch_id": Id("batch", required=True),
        "kind": Choice(*BATCH_KINDS, required=True),
        "count": Integer(1, required=True, description="How many runs."),
    }
    ended = {
        "done": Integer(0, required=True, description="Of how many it is known what became of them."),
        "status": Choice(*BATCH_STATUSES, required=True),
    }
    return (
        Event("workflows.batch_requested", "Somebody asked for something for many runs of a workflow", "workflow", asked),
        Event("workflows.batch_finished", "What somebody asked for many runs of a workflow is done", "workflow", asked | ended),
        Event("workflows.created", "A workflow was created or imported", "workflow"),
        Event("workflows.updated", "A workflow was changed", "workflow"),
        Event("workflows.deleted", "A workflow was deleted", "workflow"),
        Event(
            FAMILY,
            "What a workflow of the organization says has happened",
            data=None,
            plugin="workflows",
            heard_with="workflows:read",
        ),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /workflows."""
    runs = executions_api.WorkflowExecutions(app), executions_api.WorkflowRuns(app)
    batches = Asking(app), Batches(app), BatchRuns(app)
    return api.Workflows(app), api.Versions(app), graph_api.Graph(), *runs, *batches


@hookimpl
def node_types(app: App) -> Sequence[NodeType]:
    """The types of nodes that are always there."""
    return (*control.TYPES, *acting.TYPES, waiting.wait(app), APPROVAL, EMIT_EVENT, http(app))


@hookimpl
def workflow_importers(app: App) -> Sequence[WorkflowImporter]:
    """The formats that are always there."""
    return OWN, SERVERLESS_WORKFLOW


@hookimpl
def runners(app: App) -> Sequence[Runner]:
    """Runners of workflows as executions, of nodes in runs of their own, and of compensations."""
    return runner.workflow_runner(app), runner.node_runner(app), compensation.compensation_runner(app)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """A run that did not succeed is undone, as far as its nodes say how."""
    undo, wanted = compensation.undo_later, compensation.is_of_workflow
    return tuple(Listener(f"executions.{end}", undo, wanted=wanted) for end in compensation.ENDS)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What begins to undo a run, what does something for many runs, and what forgets that."""

    def give_up(payload: Mapping[str, Any], reason: str, state: str) -> None:
        running.give_up(payload["batch_id"])

    return (
        Job(compensation.UNDO, lambda context, payload: compensation.undo(app, context, payload), halts=True),
        Job(
            running.BATCH,
            lambda context, payload: running.go_on(app, context, payload["batch_id"]),
            halts=True,
            on_giving_up=give_up,
        ),
        Job("workflows.prune", lambda context, payload: retention.prune(context), time_limit=600, schedule="35 3 * * *"),
    )


@hookimpl
def startables(app: App) -> Sequence[Startable]:
    """Workflows can be started by schedules, and by other workflows."""
    return (service.startable(app),)


@hookimpl
def keepers(app: App) -> Sequence[Keeper]:
    """What was said in the nodes of a run goes with what was said in the run."""
    return (Keeper("workflows", keeping.empty, keeping.forget),)
