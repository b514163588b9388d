"""The usual five verbs over one record, each step a method to override."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import Schema

from ..access.delegation import Delegator
from ..access.moving import require_move
from ..data import records, references
from ..data.conditions import Condition, equals
from ..data.views import View
from ..errors import not_found
from ..events.log import emit
from ..http.operations import Resource, operation
from ..http.request import Request, Response
from ..ids import is_id
from ..lists.paging import Page, read_page
from ..lists.query import ListQuery
from ..schemas.schema import DeletedOut, merged

if TYPE_CHECKING:
    from ..app import App

DELETED = DeletedOut()
#: The step that each verb takes which writes, and the event of that step, for those that a subclass has not written anew.
_STEPS = {
    "on_post": ("create", "created"),
    "on_put_one": ("change", "updated"),
    "on_patch_one": ("change", "updated"),
    "on_delete_one": ("remove", "deleted"),
}


@dataclass(frozen=True)
class Parent:
    """What the records of a collection are under: the `resource` that finds it, and the `field` of theirs that holds its id."""

    resource: "type[Collection]"
    field: str


class Collection(Resource):
    """List, create, read, replace, change and delete the records of one kind in the caller's organization.

    A subclass gives `record`, `paths` (suffix ``one`` for the item) and the schemas: `body` for what a client writes, `reply` for what
    it gets, `query` for lists. Without a `body`, the records are only listed and read. `node_field` names the column that places a
    record in the organization's tree, and `derived` what answers have that no column holds. `events` is the prefix of the event names,
    the plugin's name; `event_prefix` goes before their verbs where the plugin has records of several kinds. `view` is where answers
    come from, if they have more than the record has. What the verbs ask for and are called in the API reference, `permissions` and
    `operations` say otherwise.

    Records with a `parent` are listed, created and found under it; the path calls its id as the parent's own does. Whoever may not
    know of the parent gets the one 404. Its resource decides who may do what with the records, unless they have a place of their own.
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
    parent: ClassVar[Parent | None] = None

    def __init__(self, app: "App") -> None:
        self.app = app
        self._above = self.parent.resource(app) if self.parent is not None else None

    def responder(self, name: str) -> Callable[..., None] | None:
        """None of those here that write, where there is no `body`."""
        return None if name in _STEPS and self._inherits(name) and not hasattr(self, "body") else super().responder(name)

    def emits(self) -> Iterable[str]:
        """The events of its steps as they are here, if a path and a verb lead to them."""
        return dict.fromkeys(
            self._event(past)
            for verb, (step, past) in _STEPS.items()
            if ("one" if verb.endswith("_one") else "") in self.paths
            and self.responder(verb) is not None
            and self._inherits(verb)
            and self._inherits(step)
        )

    def _inherits(self, name: str) -> bool:
        return getattr(type(self), name) is getattr(Collection, name)

    # The steps

    def find(self, req: Request, **ids: str) -> Any:
        """The record that the last id of the path names, if the caller may know of it; the parent where all ids are the parent's."""
        if self._above is not None:
            above = {name: value for name, value in ids.items() if f"{{{name}}}" in self.paths[""]}
            req.parent = self._above.find(req, **above)
            if len(above) == len(ids):
                return req.parent
        record_id = list(ids.values())[-1]
        record = records.find_or_none(self.record, record_id) if is_id(record_id, self.record._meta.id_prefix) else None
        if record is None or not self._is_below(req, record) or not self.visible(req, record):
            raise not_found()
        return record

    def _is_below(self, req: Request, record: Any) -> bool:
        return self.parent is None or getattr(record, self.parent.field) == req.parent.id

    def node_of(self, target: Any) -> str | None:
        """The node of the tree that the record belongs to; where it has no place of its own, that of its parent."""
        if self.parent is None or self._above is None or (self.node_field and isinstance(target, self.record)):
            return getattr(target, self.node_field) if self.node_field else None
        parent = (
            records.find(self._above.record, getattr(target, self.parent.field)) if isinstance(target, self.record) else target
        )
        return self._above.node_of(parent)

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Whether the caller has the permission on the object; where it has no place of its own, on its parent."""
        if self._above is None or (self.node_field and target is not req.parent):
            return super().allows(req, permission, target)
        return self._above.allows(req, permission, req.parent)

    def place(self, values: dict[str, Any], record: Any = None) -> str | None:
        """The node that the values put it at; what they do not say stays as the record has it."""
        return values.get(self.node_field, None if record is None else self.node_of(record)) if self.node_field else None

    def moves(self, permission: str) -> bool:
        """Whether the permission is about such records, so that a move of one to another place gives it there."""
        return permission.startswith(f"{self.events}:")

    def visible(self, req: Request, record: Any) -> bool:
        """Whether the record is there for the caller at all; `reach` must say the same for lists."""
        return True

    def reach(self, req: Request) -> list[Condition]:
        """What restricts the list to what the caller may know of; it says for many what `visible` and `allows` say for one."""
        if self.parent is None:
            return req.rights.reach_condition(self.permission_for("read"), self.record, self.node_field)
        own = req.rights.reach_condition(self.permission_for("read"), self.record, self.node_field) if self.node_field else []
        return [equals(getattr(self.view or self.record, self.parent.field), req.parent.id), *own]

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
        values = self.check(req, req.body if self.parent is None else {**req.body, self.parent.field: req.parent.id})
        if self.parent is None or self.node_field:  # the guard has asked at the parent already
            place = self.place(values)
            req.rights.require_at(self.permission_for("create"), place)
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
        return read_page(model, self.plan.columns, question, conditions, self.app.keyring, self.query.search)

    def names(self, req: Request, ids: Iterable[str]) -> Mapping[str, str]:
        """The names of those of these objects that are within the caller's reach, by id."""
        return references.names(self.view or self.record, ids, self.reach(req))

    def location(self, record: Any) -> str:
        """Where the record can be read; what its path names before its own id are fields of the record."""
        path = self.paths["one"]
        return f"/api/v1{path[: path.rindex('{')].format(**getattr(record, '__data__', {}))}{record.id}"

    def _put(self, req: Request, resp: Response) -> None:
        record = req.target
        values = self.check(req, req.body, record)
        place = self.place(values, record)
        if place != self.place({}, record):
            self.require_move(req, record, self.place({}, record), place)
        resp.media = self.present(self.change(req, record, values))

    def require_move(self, req: Request, record: Any, old: str | None, new: str | None) -> None:
        """Refused for who may not change such records at the new place too, or gives and takes by the move what they do not hold."""
        req.rights.require_at(self.permission_for("update"), new)
        self.app.rights.refuse_archived(req.principal, new)
        require_move(Delegator.of(self.app.rights, req.principal), self.moves, self.node_of(record), old, new)

    def permission_for(self, verb: str) -> str:
        """The permission that the verb asks for, as its operations do."""
        permission = self.permissions.get(verb, verb)
        return permission if ":" in permission else f"{self.events}:{permission}"

    def _event(self, past: str) -> str:
        return f"{self.events}.{self.event_prefix}{past}"
