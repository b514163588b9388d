"""The list of parts: every tool, provider, grader, connector or type of nodes that plugins bring."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from ..http.operations import SELF, operation
from ..http.request import Request, Response
from ..lists.query import ListQuery
from ..schemas.fields import Json, Text
from ..schemas.schema import Schema
from ..text.json import to_json
from .listing import Declared
from .parts import Part, parts_of

if TYPE_CHECKING:
    from ..app import App

_COLUMNS = ("id", "kind", "name", "plugin", "title", "summary", "schemas", "facts")


class PartOut(Schema):
    """Something that a plugin brings for a hook of another plugin."""

    kind = Text(required=True, description="The hook that it is for.", example="graders")
    name = Text(required=True, description="What it is called by, once of its kind.", example="contains")
    plugin = Text(required=True, description="The plugin that brings it.", example="rubrics")
    title = Text(required=True, example="Contains a text")
    summary = Text(required=True, description="What it is, where that takes more than its title.")
    schemas = Json(
        object_only=True,
        required=True,
        description="The JSON Schema of what it takes, by what that is: parameters, config, or credentials.api_key.",
        example={"parameters": {"type": "object"}},
    )
    facts = Json(object_only=True, required=True, description="What else there is to choose by.", example={"needs_model": False})


class Parts(Declared):
    """What the plugins of the caller's organization bring for each other's hooks; the same for every caller."""

    paths: ClassVar[Mapping[str, str]] = {"": "/plugin-parts"}
    reply = PartOut()
    query = ListQuery(
        PartOut(),
        filters=("kind", "name", "plugin"),
        sorts=("kind", "name", "plugin"),
        default="kind,name",
        search=("name", "title", "summary"),
    )

    def __init__(self, app: "App") -> None:
        super().__init__(app, _COLUMNS, lambda: [_row(part) for declared in app.declared.values() for part in parts_of(declared)])

    @operation(SELF, query="query", reply="reply", many=True, message="Parts listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List what plugins bring for each other's hooks, with its JSON Schemas, a page at a time; without what is off."""
        resp.media = self.read(req)


def _row(part: Part) -> dict[str, Any]:
    held = {name: to_json(getattr(part, name)).decode() for name in ("schemas", "facts")}
    return {"id": f"{part.kind}/{part.name}", **asdict(part), **held}
