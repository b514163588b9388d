"""The contract that every plugin keeps, kept by workflows."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from aasim_core.context import organization_scope
from aasim_core.data.records import create
from aasim_core.ids import new_id
from aasim_core.tenancy.records import Organization
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.executions import service as executions
from aasim_plugins.executions.models import Execution
from aasim_plugins.workflows import service
from aasim_plugins.workflows.models import Batch, BatchRun, Workflow

DEFINITION: dict[str, Any] = {
    "language": 1,
    "nodes": [{"id": "greet", "type": "transform", "config": {"value": "Hello, {{ input }}"}}],
    "edges": [],
    "output": "{{ nodes.greet.output }}",
}


def _house(person: Person) -> str:
    with organization_scope(person.organization_id):
        return str(Organization.get_by_id(person.organization_id).name)


def _workflow(world: World, person: Person) -> dict[str, Any]:
    """A workflow whose definition names the organization, as nobody else may see it."""
    nodes = [{**DEFINITION["nodes"][0], "name": f"Greet {_house(person)}"[:120]}]
    return {"name": f"Refunds {token_hex(4)}", "status": "active", "definition": {**DEFINITION, "nodes": nodes}}


def _document(world: World, person: Person) -> dict[str, Any]:
    """The same workflow as a document."""
    about = {name: value for name, value in _workflow(world, person).items() if name != "status"}
    return {"format": "aasim", "document": {"format": "aasim.workflow/1", **about}}


def _execution(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """The workflow has run, on the name of the organization."""
    with organization_scope(person.organization_id), world.app.database.transaction():
        workflow = Workflow.get_or_none(Workflow.id == ids.get("workflow_id")) or service.create(
            _workflow(world, person), person.user_id
        )
        execution: Execution = service.start(world.app, workflow, _house(person), person.user_id)
    work_off(world.app)
    return str(execution.id)


def _migration(world: World, person: Person) -> dict[str, Any]:
    """A run waits that can be asked to move."""
    with organization_scope(person.organization_id), world.app.database.transaction():
        workflow = service.create(_workflow(world, person), person.user_id)
        service.start(world.app, workflow, _house(person), person.user_id)
    return {"filter": {"workflow_id": workflow.id}, "to": 1}


def _runs_to_repeat(world: World, person: Person) -> dict[str, Any]:
    """A run is over; it is cancelled, so that no other one has to run for it."""
    with organization_scope(person.organization_id), world.app.database.transaction():
        workflow = service.create(_workflow(world, person), person.user_id)
        execution = executions.cancel(service.start(world.app, workflow, _house(person), person.user_id), None, 0)
    chosen = {"workflow_id": workflow.id, "execution_ids": [execution.id], "status": [execution.status]}
    return {"filter": chosen, "paths": ["greet"]}


def _batch(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """Something was asked for many runs."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        asked = {"kind": "migrate", "asked": {}, "count": 1, "created_by": person.user_id}
        name = f"Refunds of {_house(person)}"
        return str(create(Batch, workflow_id=ids["workflow_id"], workflow_name=name, **asked).id)


def _batch_run(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """It is known what became of one of them."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        told = {"verdict": "cannot", "reason": "input", "explanation": f"{_house(person)} is no number."}
        return str(create(BatchRun, batch_id=ids["batch_id"], execution_id=new_id("exec"), **told).id)


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "workflows"
    samples = {
        "POST /workflows": _workflow,
        "PUT /workflows/{workflow_id}": _workflow,
        "PATCH /workflows/{workflow_id}": {"description": "Another"},
        "POST /workflows/validate": {"definition": DEFINITION},
        "POST /workflows/import": _document,
        "POST /workflows/executions/{execution_id}/rerun": {"paths": ["greet"]},
        "POST /workflows/executions/migrate": _migration,
        "POST /workflows/executions/rerun": _runs_to_repeat,
    }
    members = {"/workflows/executions/{execution_id}": _execution, "/workflows/{workflow_id}/batches/{batch_id}": _batch}
    rows = {
        "GET /workflows/{workflow_id}/executions": _execution,
        "GET /workflows/{workflow_id}/batches": _batch,
        "GET /workflows/{workflow_id}/batches/{batch_id}/executions": _batch_run,
    }
    silent = {"POST /workflows/validate": "It writes nothing."}
