"""Requests and responses of workflows."""

from typing import Any, ClassVar

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Text
from aasim_core.schemas.schema import RecordOut, Schema

from ..executions.resources import ExecutionOut, Labels
from .models import DRAFT, STATUSES, VERDICTS

EXAMPLE = {
    "language": 1,
    "nodes": [{"id": "greet", "type": "transform", "config": {"value": "Hello, {{ input.name }}!"}}],
    "edges": [],
    "output": "{{ nodes.greet.output }}",
}
#: Limits of every definition in a request; each nested body takes four levels.
DEFINITION: dict[str, Any] = {
    "object_only": True,
    "required": True,
    "max_bytes": 524_288,
    "max_depth": 32,
    "example": EXAMPLE,
    "description": "The graph: see the page on workflows.",
}


class FaultOut(Schema):
    """A fault of a definition, or a warning."""

    path = Text(
        max_length=400,
        required=True,
        description="The location: a field, or a node and its field.",
        example="nodes.fetch.config.url",
    )
    code = Text(required=True, description="The code, for programs.", example="unknown_node")
    message = Text(max_length=2_000, required=True, description="What is wrong, and what to write instead.")
    is_hint = Boolean(required=True, description="Whether it works despite this.")


class AboutIn(Schema):
    """A workflow's name and description."""

    name = Text(1, 120, required=True, description="Unique in the organization.")
    description = Text(max_length=2_000, multiline=True, load_default="")
    tags = ListOf(Text(1, 50), 20, unique=True, load_default=list)


class WorkflowIn(AboutIn):
    """A workflow in a request."""

    status = Choice(*STATUSES, load_default=DRAFT, description="A draft may have faults; only active workflows run.")
    project_id = Id(allow_none=True, load_default=None)
    definition = Json(**DEFINITION)


class WorkflowOut(RecordOut):
    """A workflow in a response."""

    id = Id("workflow", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    status = Choice(*STATUSES, required=True)
    project_id = Id(allow_none=True, required=True)
    owner_id = Id("user", required=True)
    tags = ListOf(Text(), required=True)
    definition = Json(object_only=True, required=True, example=EXAMPLE)
    faults = ListOf(Object(FaultOut), 200, required=True)
    workflow_version = Integer(required=True, description="The number of the current version of the definition.")


class VersionOut(Schema):
    """One version of a workflow's definition."""

    id = Id("workflowversion", required=True)
    workflow_id = Id("workflow", required=True)
    number = Integer(required=True)
    definition = Json(object_only=True, required=True, example=EXAMPLE)
    digest = Text(required=True, description="The SHA-256 of the definition as JSON, with sorted keys.")
    created_by = Id(allow_none=True, required=True)
    created_at = Instant(required=True)


class ExecuteIn(Schema):
    """The input of a workflow's run."""

    input = Json(load_default=None, allow_none=True, max_bytes=1_000_000, description="As described by its input_schema.")
    version = Integer(1, description="The version of the definition; the current one by default.")
    metadata = Json(object_only=True, load_default=dict, max_bytes=16_384, description="Stored with the execution, for your use.")
    labels = Labels(load_default=None)


class ValidateIn(Schema):
    """A definition to validate."""

    definition = Json(**DEFINITION)


class ValidateOut(Schema):
    """The result."""

    is_valid = Boolean(required=True, description="Whether a workflow with it can be active.")
    faults = ListOf(Object(FaultOut), 200, required=True)


class GraphAsked(Schema):
    """The format and version of the graph."""

    format = Choice(
        "json", "mermaid", "svg", "text", load_default="json",
        description="json, a Mermaid flowchart, an image, or a drawing with characters for a terminal.",
    )  # fmt: skip
    version = Integer(1, description="The version of the definition; the current one by default.")


class GraphNodeOut(Schema):
    """A node of a graph."""

    path = Text(required=True, description="Its path in the definition.", example="nodes.fetch")
    id = Text(required=True, description="Empty in a draft if it has none.", example="fetch")
    name = Text(required=True, description="Its label.", example="Fetch the order")
    type = Text(required=True, example="http")
    loop = Text(allow_none=True, required=True, description="The id of the node whose body contains it.")


class GraphEdgeOut(Schema):
    """An edge of a graph."""

    class Meta:
        include: ClassVar = {"from": Text(required=True, description="The id of a node.", example="fetch")}

    to = Text(required=True, description="The id of a node.", example="judge")
    on = Text(required=True, description="The outcome for which it is taken.", example="done")
    condition = Text(allow_none=True, required=True)
    loop = Text(allow_none=True, required=True, description="The id of the node whose body contains it.")


class GraphOut(Schema):
    """The graph of a workflow."""

    name = Text(required=True, description="That of the workflow.")
    nodes = ListOf(Object(GraphNodeOut), 200, required=True)
    edges = ListOf(Object(GraphEdgeOut), 4_000, required=True)


class NodeOut(Schema):
    """The result of a node in a run: once in the workflow itself, once per item or iteration of a loop."""

    path = Text(required=True, description="The node's id, preceded by those of the enclosing loops.", example="load[17].parse")
    number = Integer(required=True, description="Its position among all nodes of the run, from 1.")
    node = Text(required=True, description="The id of the node in the definition.")
    name = Text(allow_none=True, required=True, description="Its label.")
    type = Text(allow_none=True, required=True)
    state = Choice("ready", "active", "ended", required=True)
    outcome = Text(
        allow_none=True, required=True, description="How it ended: done, error, skipped, cancelled, or an outcome of its type."
    )
    attempt = Integer(required=True)
    execution_id = Id("exec", allow_none=True, required=True, description="The run that executes it, if any.")
    output = Json(allow_none=True, required=True)
    error = Json(allow_none=True, required=True, description="Its code, message and path.")
    reused_from = Id("exec", allow_none=True, required=True, description="The run that executed it before, for a repeated run.")
    edited_by = Id("user", allow_none=True, required=True, description="Who wrote its output, for a repeated run.")
    started_at = Instant(allow_none=True, required=True)
    finished_at = Instant(allow_none=True, required=True)


class NodeQuery(Schema):
    """Which nodes of a run."""

    scope = Text(
        0, 400,
        description="Those of one item or iteration of a loop, such as load[17], or with an empty value those of the "
            "workflow itself; all by default.",
    )  # fmt: skip
    after = Integer(0, load_default=0, description="Those that began after the node with this number.")
    limit = Integer(1, 200, load_default=100)


class NodesOut(Schema):
    """A section of the nodes of a run, in the order in which they began."""

    nodes = ListOf(Object(NodeOut), 200, required=True)
    last_number = Integer(required=True, description="Continue with after=.")


class RerunIn(Schema):
    """The part of a run to repeat."""

    paths = ListOf(
        Text(1, 400), 200, unique=True, allow_none=True, load_default=None,
        description="The nodes to begin with, including everything after them. null is what failed.", example=["fetch"],
    )  # fmt: skip
    edits = Json(object_only=True, load_default=dict, description="Outputs that replace those of nodes, by path.", example={})
    version = Integer(1, description="The version of the definition; the run's own by default.")
    dry_run = Boolean(load_default=False, description="Only report the result, with 200.")


class PlannedOut(Schema):
    """The result for a node."""

    path = Text(required=True, example="fetch")
    verdict = Choice(
        *VERDICTS, required=True,
        description="compensated is repeated, because it was undone; unknown is repeated, although it may have been done.",
    )  # fmt: skip
    asks_again = Boolean(required=True, description="Whether people are asked again what they have decided in the earlier run.")
    cost = Integer(allow_none=True, required=True, description="Its last cost in micro-units, if it is repeated.")
    currency = Text(allow_none=True, required=True, example="USD")


class RerunOut(Schema):
    """The new run, or null for a dry run, and the result for each node."""

    execution = Object(ExecutionOut, allow_none=True, required=True)
    plan = ListOf(Object(PlannedOut), required=True)


class RunOut(Schema):
    """A run of a workflow, with the nodes of the workflow itself; those in loops are listed by their own endpoint."""

    execution = Object(ExecutionOut, required=True)
    nodes = ListOf(Object(NodeOut), 200, required=True)
    compensation_id = Id("exec", allow_none=True, required=True, description="The run that undoes this one's effects, if any.")
