"""The usual five verbs over one record, each step a method to override."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import Schema

from ..data import records
from ..data.statements import Condition
from ..data.views import View
from ..errors import not_found
from ..events.log import emit
from ..ids import is_id
from .operations import Resource, operation
from .paging import Page, read_page
from .query import ListQuery
from .request import Request, Response
from .schema import DeletedOut, merged

if TYPE_CHECKING:
    from ..app import App

DELETED = DeletedOut()


class Collection(Resource):
    """List, create, read, replace, change and delete the records of one kind in the caller's organization.

    A subclass gives `record`, `paths` (suffix ``one`` for the item) and the schemas: `body` for what a client writes, `reply` for what
    it gets, `query` for lists. `node_field` names the column that places a record in the organization's tree, and
    `derived` what answers have that no column holds. `events` is the prefix of the event names, the plugin's name; `event_prefix` goes
    before their verbs where the plugin has records of several kinds. `view` is where answers come from, if they have more than the
    record has.
    """

    record: ClassVar[type[records.TenantRecord]]
    body: ClassVar[Schema]
    reply: ClassVar[Schema]
    query: ClassVar[ListQuery]
    events: ClassVar[str]
    event_prefix: ClassVar[str] = ""
    node_field: ClassVar[str | None] = None
    secret_fields: ClassVar[Sequence[str]] = ()
    view: View | None = None

    def __init__(self, app: "App") -> None:
        self.app = app

    # The steps

    def find(self, req: Request, **ids: str) -> Any:
        """The record that the last id of the path names, if the caller may know of it."""
        record_id = list(ids.values())[-1]
        record = records.find_or_none(self.record, record_id) if is_id(record_id, self.record._meta.id_prefix) else None
        if record is None or not self.visible(req, record):
            raise not_found()
        return record

    def node_of(self, target: Any) -> str | None:
        """The node of the tree that the record belongs to."""
        return getattr(target, self.node_field) if self.node_field else None

    def place(self, values: dict[str, Any], record: Any = None) -> str | None:
        """The node that the values put it at; what they do not say stays as the record has it."""
        return values.get(self.node_field, None if record is None else self.node_of(record)) if self.node_field else None

    def visible(self, req: Request, record: Any) -> bool:
        """Whether the record is there for the caller at all; `reach` must say the same for lists."""
        return True

    def reach(self, req: Request) -> list[Condition]:
        """What restricts the list to what the caller may know of; it says for many what `visible` and `allows` say for one."""
        return req.rights.reach_condition(self._verb("read"), self.record, self.node_field)

    def merged(self, record: Any, values: dict[str, Any]) -> dict[str, Any]:
        """The values of a PATCH: of an object within, what it does not name stays as the record has it; raises Invalid."""
        return merged(self.body, values, record)

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """The values to write; raise Invalid for what the schema alone cannot see."""
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Any:
        """Write a new record and its event."""
        record = records.create(self.record, **values)
        emit(self._event("created"), record)
        return record

    def change(self, req: Request, record: Any, values: dict[str, Any]) -> Any:
        """Write what differs, and its event."""
        changed = records.change(record, values)
        if changed:
            emit(self._event("updated"), record, changes=changed, secret_fields=self.secret_fields)
        return record

    def remove(self, req: Request, record: Any) -> None:
        """Delete the record, and write the event that keeps its label."""
        records.remove(record)
        emit(self._event("deleted"), record)

    def present(self, record: Any) -> Any:
        """What the reply schema renders for a single record."""
        return record if self.view is None else self.view.row(record.id, self.plan.columns)

    # The verbs

    @operation("read", query="query", reply="reply", many=True, message="{plural} listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List {plural}, a page at a time."""
        resp.media = self.page(req)

    @operation("create", body="body", reply="reply", status=201, message="{singular} created.")
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Create {one}."""
        values = self.check(req, req.body)
        place = self.place(values)
        req.rights.require_at(self._verb("create"), place)
        self.app.rights.refuse_archived(req.principal, place)
        record = self.create(req, values)
        resp.location = self.location(record)
        resp.media = self.present(record)

    @operation("read", reply="reply", message="{singular} read.")
    def on_get_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Read {one}."""
        resp.media = self.present(req.target)

    @operation("update", body="body", reply="reply", message="{singular} replaced.")
    def on_put_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Replace {one}; what is left out returns to its default."""
        self._put(req, resp)

    @operation("update", body="body", reply="reply", message="{singular} changed.")
    def on_patch_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Change some fields of {one}; null clears a field that may be empty."""
        req.body = self.merged(req.target, req.body)
        self._put(req, resp)

    @operation("delete", reply=DELETED, message="{singular} deleted.")
    def on_delete_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Delete {one}."""
        self.remove(req, req.target)
        resp.media = {"id": req.target.id, "deleted": True}

    # What they share

    def page(self, req: Request, *conditions: Condition) -> Page:
        """One page of the list that the query asks for, within the caller's reach."""
        question = self.query.question(req.path, req.query)
        model, conditions = self.view or self.record, (*self.reach(req), *conditions)
        return read_page(model, self.plan.page_columns, question, conditions, self.app.keyring, self.query.search)

    def location(self, record: Any) -> str:
        """Where the record can be read; what its path names before its own id are fields of the record."""
        path = self.paths["one"]
        return f"/api/v1{path[: path.rindex('{')].format(**getattr(record, '__data__', {}))}{record.id}"

    def _put(self, req: Request, resp: Response) -> None:
        record = req.target
        values = self.check(req, req.body, record)
        place = self.place(values, record)
        if place != self.place({}, record):
            req.rights.require_at(self._verb("update"), place)
            self.app.rights.refuse_archived(req.principal, place)
        resp.media = self.present(self.change(req, record, values))

    def _verb(self, verb: str) -> str:
        return f"{self.events}:{verb}"

    def _event(self, past: str) -> str:
        return f"{self.events}.{self.event_prefix}{past}"
