"""What clients write about workflows, and what they get."""

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
#: What holds of every definition that clients write; each body in a body takes four levels.
DEFINITION: dict[str, Any] = {
    "object_only": True,
    "required": True,
    "max_bytes": 524_288,
    "max_depth": 32,
    "example": EXAMPLE,
    "description": "The graph: see the page on workflows.",
}


class FaultOut(Schema):
    """Something that is wrong with a definition, or that only looks so."""

    path = Text(
        max_length=400,
        required=True,
        description="Where: a field, or a node and a field of it.",
        example="nodes.fetch.config.url",
    )
    code = Text(required=True, description="What it is, for programs.", example="unknown_node")
    message = Text(max_length=2_000, required=True, description="What is wrong, and what to write instead.")
    is_hint = Boolean(required=True, description="Whether it works all the same.")


class AboutIn(Schema):
    """What people know a workflow by."""

    name = Text(1, 120, required=True, description="Unique in the organization.")
    description = Text(max_length=2_000, multiline=True, load_default="")
    tags = ListOf(Text(1, 50), 20, unique=True, load_default=list)


class WorkflowIn(AboutIn):
    """A workflow as a client writes it."""

    status = Choice(*STATUSES, load_default=DRAFT, description="A draft may have faults; only what is active runs.")
    project_id = Id(allow_none=True, load_default=None)
    definition = Json(**DEFINITION)


class WorkflowOut(RecordOut):
    """A workflow as a client gets it."""

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
    """What a workflow is to work on."""

    input = Json(load_default=None, allow_none=True, max_bytes=1_000_000, description="What its input_schema describes.")
    version = Integer(1, description="The version of the definition; the current one if it is left out.")
    metadata = Json(object_only=True, load_default=dict, max_bytes=16_384, description="Kept with the execution, for your use.")
    labels = Labels(load_default=None)


class ValidateIn(Schema):
    """A definition that is to be looked through."""

    definition = Json(**DEFINITION)


class ValidateOut(Schema):
    """What was found."""

    is_valid = Boolean(required=True, description="Whether a workflow with it may be active.")
    faults = ListOf(Object(FaultOut), 200, required=True)


class GraphAsked(Schema):
    """In which form the graph is wanted, and which version of it."""

    format = Choice(
        "json", "mermaid", "svg", load_default="json", description="json, the text of a flowchart for Mermaid, or an image."
    )
    version = Integer(1, description="The version of the definition; the current one if it is left out.")


class GraphNodeOut(Schema):
    """A node of a graph."""

    path = Text(required=True, description="Where it stands in the definition.", example="nodes.fetch")
    id = Text(required=True, description="Empty in a draft where it has none.", example="fetch")
    name = Text(required=True, description="What people call it.", example="Fetch the order")
    type = Text(required=True, example="http")
    loop = Text(allow_none=True, required=True, description="The id of the node whose body it is in.")


class GraphEdgeOut(Schema):
    """An edge of a graph."""

    class Meta:
        include: ClassVar = {"from": Text(required=True, description="The id of a node.", example="fetch")}

    to = Text(required=True, description="The id of a node.", example="judge")
    on = Text(required=True, description="The outcome that it is taken for.", example="done")
    condition = Text(allow_none=True, required=True)
    loop = Text(allow_none=True, required=True, description="The id of the node whose body it is in.")


class GraphOut(Schema):
    """The graph of a workflow."""

    name = Text(required=True, description="That of the workflow.")
    nodes = ListOf(Object(GraphNodeOut), 200, required=True)
    edges = ListOf(Object(GraphEdgeOut), 4_000, required=True)


class NodeOut(Schema):
    """What became of a node in a run: once in the workflow itself, once for each item or round of a loop."""

    path = Text(required=True, description="The id of the node, after those of the loops around it.", example="load[17].parse")
    number = Integer(required=True, description="Its place among all nodes of the run, from 1.")
    node = Text(required=True, description="The id of the node in the definition.")
    name = Text(allow_none=True, required=True, description="What people call it.")
    type = Text(allow_none=True, required=True)
    state = Choice("ready", "active", "ended", required=True)
    outcome = Text(
        allow_none=True, required=True, description="How it ended: done, error, skipped, cancelled, or what its type has."
    )
    attempt = Integer(required=True)
    execution_id = Id("exec", allow_none=True, required=True, description="The run that does it, if one does.")
    output = Json(allow_none=True, required=True)
    error = Json(allow_none=True, required=True, description="Its code, message and path.")
    reused_from = Id("exec", allow_none=True, required=True, description="The run that did it before, for a re-run.")
    edited_by = Id("user", allow_none=True, required=True, description="Who wrote its output, for a re-run.")
    started_at = Instant(allow_none=True, required=True)
    finished_at = Instant(allow_none=True, required=True)


class NodeQuery(Schema):
    """Which nodes of a run."""

    scope = Text(
        0, 400,
        description="Those of one item or round of a loop, such as load[17], or of the workflow itself, with an empty one; or else all.",
    )  # fmt: skip
    after = Integer(0, load_default=0, description="Those that began after the one of this number.")
    limit = Integer(1, 200, load_default=100)


class NodesOut(Schema):
    """A stretch of the nodes of a run, in the order in which they began."""

    nodes = ListOf(Object(NodeOut), 200, required=True)
    last_number = Integer(required=True, description="Ask for what follows with after=.")


class RerunIn(Schema):
    """What of a run is to be done again."""

    paths = ListOf(
        Text(1, 400), 200, unique=True, allow_none=True, load_default=None,
        description="The nodes to begin with; what comes after them is done again, too. null is what failed.", example=["fetch"],
    )  # fmt: skip
    edits = Json(
        object_only=True, load_default=dict, description="Outputs to use instead of what nodes gave, by path.", example={}
    )
    version = Integer(1, description="The version of the definition; that of the run if it is left out.")
    dry_run = Boolean(load_default=False, description="Only say what would happen, with 200.")


class PlannedOut(Schema):
    """What becomes of a node."""

    path = Text(required=True, example="fetch")
    verdict = Choice(
        *VERDICTS, required=True,
        description="compensated is redone, since it was undone; unknown is redone, although it may have been done.",
    )  # fmt: skip
    cost = Integer(allow_none=True, required=True, description="What it cost the last time, in micro-units, if it is done again.")
    currency = Text(allow_none=True, required=True, example="USD")


class RerunOut(Schema):
    """The new run, or null for a dry run, and what becomes of each node."""

    execution = Object(ExecutionOut, allow_none=True, required=True)
    plan = ListOf(Object(PlannedOut), required=True)


class RunOut(Schema):
    """A run of a workflow, with the nodes of the workflow itself; those in loops are listed by their own endpoint."""

    execution = Object(ExecutionOut, required=True)
    nodes = ListOf(Object(NodeOut), 200, required=True)
    compensation_id = Id(
        "exec", allow_none=True, required=True, description="The run that undoes what this one has done, if one does."
    )
