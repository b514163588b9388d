"""Operations on workflows: versions of their definition, and starting runs."""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.clock import now
from aasim_core.context import current_actor, current_organization
from aasim_core.data import records
from aasim_core.errors import Invalid, Problem, Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.text import slugs
from aasim_core.text.json import to_json
from aasim_core.user_code import expressions

from ..executions import service as executions
from ..executions.hookspecs import Startable, Target
from ..executions.models import Execution
from ..executions.service import Admit, Rule
from . import validation
from .definition import Definition, read
from .models import ACTIVE, ARCHIVED, Workflow, WorkflowVersion

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

#: The kind of the executions that run workflows.
KIND = "workflow"
#: The kind of the runs that do one node for another run.
NODE_KIND = "workflow_node"


def create(values: Mapping[str, Any], owner_id: str) -> Workflow:
    """Write a new workflow with the first version of its definition."""
    workflow: Workflow = records.create(Workflow, **{**values, "owner_id": owner_id})
    _add_version(workflow)
    emit("workflows.created", workflow)
    return workflow


def free_name(name: str) -> str:
    """The name itself if no workflow has it, or else the first of 'name (copy)', 'name (copy 2)' … that is free."""
    alike = Workflow.select(Workflow.name).where(Workflow.deleted_at.is_null(), Workflow.name.startswith(name[:90]))
    return slugs.free_name(name, {workflow.name for workflow in alike})


def change(workflow: Workflow, values: Mapping[str, Any]) -> Workflow:
    """Write what differs; a change of the definition makes a new version."""
    if "definition" in values and values["definition"] != workflow.definition:
        values = {**values, "workflow_version": workflow.workflow_version + 1}
    changed = records.change(workflow, values)
    if "workflow_version" in changed:
        _add_version(workflow)
    if changed:
        emit("workflows.updated", workflow, changes=changed)
    return workflow


def remove(workflow: Workflow) -> None:
    """Hide the workflow from every list; its runs continue, with its versions."""
    records.change(workflow, {"deleted_at": now(), "status": ARCHIVED})
    emit("workflows.deleted", workflow)


def _add_version(workflow: Workflow) -> None:
    records.create(
        WorkflowVersion,
        workflow_id=workflow.id,
        number=workflow.workflow_version,
        definition=workflow.definition,
        digest=sha256(orjson.dumps(workflow.definition, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        created_by=current_actor().id,
    )


def find_live(workflow_id: str) -> Workflow:
    """The workflow of that id, unless it is deleted; raises the one 404."""
    workflow: Workflow | None = records.find_or_none(Workflow, workflow_id) if is_id(workflow_id, "workflow") else None
    if workflow is None or workflow.deleted_at is not None:
        raise not_found()
    return workflow


def pinned_definition(workflow_id: str, number: int) -> Definition | None:
    """One version of a workflow, deleted or not; None where there is none."""
    with suppress(LookupError):
        return _pinned(current_organization(), workflow_id, number)
    return None


@lru_cache(maxsize=256)
def _pinned(organization_id: str, workflow_id: str, number: int) -> Definition:
    """A version never changes, so it is cached."""
    version = WorkflowVersion.get_or_none(WorkflowVersion.workflow_id == workflow_id, WorkflowVersion.number == number)
    if version is None:
        raise LookupError(f"the workflow {workflow_id} has no version {number}")
    return read(version.definition)


def definition_at(workflow: Workflow, number: int) -> Mapping[str, Any]:
    """The definition of one version; Invalid for a number that no version has."""
    if number == workflow.workflow_version:
        return dict(workflow.definition)
    if (pinned := pinned_definition(workflow.id, number)) is None:
        message = f"The workflow has the versions 1 to {workflow.workflow_version}."
        raise Invalid({"version": [Problem("invalid_reference", message)]})
    return pinned.written


def start(app: "App", workflow: Workflow, given: Any, initiator_id: str, *, number: int | None = None, **about: Any) -> Execution:
    """Queue a run of the workflow; it pins the version `number`, or the current one. `about` is what `executions.start` takes besides.

    Refused ``invalid_state`` for a workflow that is not active, Invalid for an input that does not meet its ``input_schema``.
    """
    if workflow.status != ACTIVE:
        message = f"The workflow is {workflow.status}; set its status to active first."
        raise Refused("invalid_state", message, meta={"status": workflow.status})
    version = number or workflow.workflow_version
    definition = definition_at(workflow, version)
    if (limit := definition.get("concurrency")) is not None:
        about = {"admission": _admission(workflow, limit, given), **about}
    return executions.start(
        app,
        KIND,
        given,
        label=workflow.name,
        initiator_id=initiator_id,
        subject=executions.Subject(workflow.id, version),
        project_id=workflow.project_id,
        input_schema=definition.get("input_schema"),
        **about,
    )


def _admission(workflow: Workflow, limit: Mapping[str, Any], given: Any) -> Admit:
    """The slot that a run needs: one of the workflow, or of what its `key` says, an expression over the input.

    Invalid for an input of which the key has no value.
    """
    rule = Rule(limit["limit"], limit.get("policy", "queue"), limit.get("longest"))
    if "key" not in limit:
        return Admit(f"workflow/{workflow.id}", rule)
    try:
        value = expressions.evaluate(limit["key"], {"input": given})
    except ValueError as error:
        raise Invalid(
            {"input": [Problem("invalid_format", f"{limit['key']} says which runs wait for each other. {error}")]}
        ) from error
    return Admit(f"workflow/{workflow.id}/{sha256(to_json(value)).hexdigest()}", rule)


def version_for(app: "App", workflow: Workflow, number: int | None, principal: "Principal") -> int:
    """The version of that number, or else the current one; Invalid for an earlier one that could not be active for the principal."""
    if number is not None and number != workflow.workflow_version:
        validation.refuse(validation.faults(app, definition_at(workflow, number), principal, workflow.id))
    return number or int(workflow.workflow_version)


def restart(app: "App", execution: Execution, principal: "Principal", same_version: bool) -> Execution:
    """Run the workflow of an execution that is over again, from its beginning, with the same input."""
    workflow = find_allowed(app, execution.subject_id or "", principal)
    executions.refuse_unless_repeatable(execution)
    return start(
        app,
        workflow,
        execution.input,
        principal.user_id,
        number=execution.subject_version if same_version else None,
        metadata=execution.metadata,
        trigger={"type": "retry", "id": execution.id},
        retry_of=execution,
        api_key_id=principal.api_key_id,
    )


def find_allowed(app: "App", workflow_id: str, principal: "Principal") -> Workflow:
    """The workflow, if the principal may run it; the one 404 if they may not even read it, or else ``permission_denied``."""
    workflow, rights = find_live(workflow_id), app.rights.of(principal)
    if not rights.allows_at("workflows:read", workflow.project_id):
        raise not_found()
    rights.require_at("workflows:execute", workflow.project_id)
    app.rights.refuse_archived(principal, workflow.project_id)
    return workflow


def startable(app: "App") -> Startable:
    """Workflows, as what other plugins start runs of."""

    def find(workflow_id: str, number: int | None, principal: "Principal") -> Target:
        workflow = find_allowed(app, workflow_id, principal)
        version = version_for(app, workflow, number, principal)
        schema = definition_at(workflow, version).get("input_schema")
        return Target(workflow.id, version, workflow.name, workflow.project_id, schema)

    return Startable(KIND, find, partial(_start_found, app))


def _start_found(app: "App", workflow_id: str, number: int | None, given: Any, initiator_id: str, **about: Any) -> Execution:
    return start(app, find_live(workflow_id), given, initiator_id, number=number, **about)
