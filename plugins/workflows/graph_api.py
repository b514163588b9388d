"""The endpoint of a workflow's graph, as data and drawn."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from aasim_core import Refused, Request, Resource, Response, operation

from . import drawing, schemas, service
from .models import Workflow
from .validation import tree

#: The formats besides JSON: the renderer of a graph and its name, None for what is too large for it, and its media type.
FORMS: Mapping[str, tuple[Callable[[tree.Scope, str], str | None], str]] = {
    "mermaid": (lambda graph, name: drawing.mermaid(graph), "text/plain; charset=utf-8"),
    "svg": (drawing.svg, "image/svg+xml; charset=utf-8"),
    "text": (lambda graph, name: drawing.text(graph), "text/plain; charset=utf-8"),
}
# An image that is opened directly is a page.
_POLICY = "default-src 'none'; sandbox"


class Graph(Resource):
    """The graph of a workflow, for people."""

    paths: ClassVar[Mapping[str, str]] = {"": "/workflows/{workflow_id}/graph"}
    query, reply = schemas.GraphAsked(), schemas.GraphOut()

    def find(self, req: Request, **ids: str) -> Workflow:
        """Return the workflow, unless it is deleted."""
        return service.find_live(ids["workflow_id"])

    def node_of(self, target: Workflow) -> str | None:
        """The workflow's project."""
        project_id: str | None = target.project_id
        return project_id

    @operation(
        "read",
        query="query",
        reply="reply",
        formats=tuple(dict.fromkeys(media_type for _, media_type in FORMS.values())),
        message="Graph read.",
        refusals=("invalid_state", "validation_failed"),
    )
    def on_get(self, req: Request, resp: Response, workflow_id: str) -> None:
        """Read the graph of a workflow.

        The formats are data, a Mermaid flowchart, an SVG image, and a drawing with characters for a terminal. A draft may have faults.
        """
        workflow: Workflow = req.target
        graph = tree.read(service.definition_at(workflow, req.query.get("version") or workflow.workflow_version))
        if (count := drawing.size_of(graph)) > drawing.MOST_NODES:
            message = f"The graph has {count} nodes, and at most {drawing.MOST_NODES} are drawn; an active workflow has no more."
            raise Refused("invalid_state", message)
        if req.query["format"] not in FORMS:
            resp.media = {"name": workflow.name, **drawing.outline(graph)}
            return
        make, media_type = FORMS[req.query["format"]]
        if (made := make(graph, workflow.name)) is None:
            raise Refused(
                "invalid_state", "The lines of the graph are too many or too long to draw with characters; ask for svg."
            )
        resp.data, resp.content_type = made.encode(), media_type
        resp.set_header("Content-Security-Policy", _POLICY)
