"""What can happen in this installation: each event that the core or a plugin declares, with the JSON Schema of its data."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ..data.conditions import Condition
from ..events.declarations import Event
from ..lists.paging import read_page
from ..lists.query import ListQuery
from ..lists.virtual_table import Listing
from ..schemas.fields import Integer, Json, Text
from ..schemas.schema import Schema
from ..schemas.shapes import shape_of_object
from ..text.json import to_json
from .operations import SELF, Resource, operation
from .request import Request, Response

if TYPE_CHECKING:
    from ..app import App

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_COLUMNS = ("id", "name", "plugin", "version", "summary", "subject_type", "data_schema")


class EventTypeOut(Schema):
    """Something that can happen, and what is told of it."""

    name = Text(
        required=True, description="The action of its activities; with a * for what is named later.", example="agents.created"
    )
    plugin = Text(required=True, example="agents")
    version = Integer(1, required=True, description="One more with each change of its data that breaks who reads them.")
    summary = Text(required=True, example="An agent was created, cloned or imported")
    subject_type = Text(required=True, description="The kind of its subjects; empty for any.", example="agent")
    data_schema = Json(object_only=True, required=True, description="The JSON Schema of the data of its activities.")


class EventTypes(Resource):
    """The types of events that the caller's organization has; the same for every caller."""

    common = True
    paths: ClassVar[Mapping[str, str]] = {"": "/events"}
    reply = EventTypeOut()
    query = ListQuery(
        EventTypeOut(),
        filters=("name", "plugin", "subject_type"),
        sorts=("name", "plugin"),
        default="name",
        search=("name", "summary"),
    )

    def __init__(self, app: "App") -> None:
        self._app = app
        self._listing = Listing(app.database, _COLUMNS, lambda: [_row(event) for event in app.events.values()])
        self._differs = partial(_differs, self._listing.plugin)

    @operation(SELF, query="query", reply="reply", many=True, message="Types of events listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List the types of events, with the JSON Schema of their data, a page at a time; without those of plugins that are off."""
        question = self.query.question(req.path, req.query)
        conditions = [Condition(self._differs, plugin=plugin) for plugin in self._off(req)]
        resp.media = read_page(self._listing, self.plan.columns, question, conditions, self._app.keyring, self.query.search)

    def _off(self, req: Request) -> Iterator[str]:
        """The plugins that are off for the caller's organization only."""
        names = (plugin.name for plugin in self._app.plugins.on)
        return (name for name in names if not self._app.features.allowed(req.principal, name))


def described(event: Event) -> dict[str, Any]:
    """The event as answers have it."""
    return {
        "name": event.name,
        "plugin": event.plugin or event.name.partition(".")[0],
        "version": event.version,
        "summary": event.summary,
        "subject_type": event.subject,
        "data_schema": schema_of(event),
    }


def schema_of(event: Event) -> dict[str, Any]:
    """The JSON Schema of its data, which are null where there is nothing to tell."""
    if event.data is None:
        return {"$schema": _DIALECT, "type": ["object", "null"]}
    shape = {"$schema": _DIALECT, **shape_of_object(event.data)}
    return shape if "required" in shape else {**shape, "type": ["object", "null"]}


def _row(event: Event) -> dict[str, Any]:
    row = described(event)
    return {**row, "id": row["name"], "data_schema": to_json(row["data_schema"]).decode()}


def _differs(column: Any, plugin: Any) -> Any:
    return column != plugin
