"""The event types of this installation: each event that the core or a plugin declares, with the JSON Schema of its data."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..events.declarations import Event
from ..http.operations import SELF, operation
from ..http.request import Request, Response
from ..lists.query import ListQuery
from ..schemas.fields import Integer, Json, Text
from ..schemas.schema import Schema
from ..schemas.shapes import shape_of_object
from ..text.json import to_json
from .listing import Declared

if TYPE_CHECKING:
    from ..app import App

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_COLUMNS = ("id", "name", "plugin", "version", "summary", "subject_type", "data_schema")


class EventTypeOut(Schema):
    """A type of event and its data."""

    name = Text(
        required=True, description="The action of its activities; with a * for what is named later.", example="agents.created"
    )
    plugin = Text(required=True, example="agents")
    version = Integer(1, required=True, description="One more with each change of its data that breaks who reads them.")
    summary = Text(required=True, example="An agent was created, cloned or imported")
    subject_type = Text(required=True, description="The kind of its subjects; empty for any.", example="agent")
    data_schema = Json(object_only=True, required=True, description="The JSON Schema of the data of its activities.")


class EventTypes(Declared):
    """The types of events that the caller's organization has; the same for every caller."""

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
        super().__init__(app, _COLUMNS, lambda: [_row(event) for event in app.events.values()])

    @operation(SELF, query="query", reply="reply", many=True, message="Types of events listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List the types of events, with the JSON Schema of their data, a page at a time; without those of plugins that are off."""
        resp.media = self.read(req)


def described(event: Event) -> dict[str, Any]:
    """Return the event type as responses show it."""
    return {
        "name": event.name,
        "plugin": event.plugin or event.name.partition(".")[0],
        "version": event.version,
        "summary": event.summary,
        "subject_type": event.subject,
        "data_schema": schema_of(event),
    }


def all_described(events: Mapping[str, Event], plugin: str | None = None) -> list[dict[str, Any]]:
    """Every event as answers have it, by name; only those of one plugin, if it is given."""
    told = (described(events[name]) for name in sorted(events))
    return [event for event in told if plugin in (None, event["plugin"])]


def schema_of(event: Event) -> dict[str, Any]:
    """Return the JSON Schema of its data, which are null for an event without data."""
    if event.data is None:
        return {"$schema": _DIALECT, "type": ["object", "null"]}
    shape = {"$schema": _DIALECT, **shape_of_object(event.data)}
    return shape if "required" in shape else {**shape, "type": ["object", "null"]}


def _row(event: Event) -> dict[str, Any]:
    row = described(event)
    return {**row, "id": row["name"], "data_schema": to_json(row["data_schema"]).decode()}
