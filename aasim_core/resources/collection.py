"""The five standard verbs over one record class, each step a method to override."""

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
#: The step of each writing verb, and the event of that step, unless a subclass replaces it.
_STEPS = {
    "on_post": ("create", "created"),
    "on_put_one": ("change", "updated"),
    "on_patch_one": ("change", "updated"),
    "on_delete_one": ("remove", "deleted"),
}


@dataclass(frozen=True)
class Parent:
    """The parent of a collection's records: the `resource` that finds it, and the `field` of theirs that holds its id."""

    resource: "type[Collection]"
    field: str


class Collection(Resource):
    """List, create, read, replace, change and delete the records of one kind in the caller's organization.

    A subclass sets `record`, `paths` (suffix ``one`` for the item) and the schemas: `body` for requests, `reply` for responses, `query` for
    lists. Without a `body`, the records can only be listed and read. `node_field` names the column with the record's node in the
    organization's tree, and `derived` the response fields that no column holds. `events` is the prefix of the event names, the plugin's
    name; `event_prefix` precedes their verbs where the plugin has records of several kinds. `view` is the source of responses with more
    than the record's columns. Override the verbs' permissions with `permissions`, and other parts of their operations with `operations`.

    Records with a `parent` are listed, created and found under it; the path names its id as the parent's own path does. Callers who cannot
    see the parent get the uniform 404. Its resource decides about permissions on the records, unless they have a node of their own.
    A parent with records under it is not deleted, unless its resource overrides `remove`.
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
        """Return none of the writing verbs here if there is no `body`."""
        return None if name in _STEPS and self._inherits(name) and not hasattr(self, "body") else super().responder(name)

    def emits(self) -> Iterable[str]:
        """Return the events of its steps, if a path and a verb lead to them."""
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
        """Return the record that the last id of the path names, if it is visible to the caller; the parent where all ids are the
        parent's."""
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
        """Return the id of the record's node; without one of its own, its parent's."""
        if self.parent is None or self._above is None or (self.node_field and isinstance(target, self.record)):
            return getattr(target, self.node_field) if self.node_field else None
        parent = (
            records.find(self._above.record, getattr(target, self.parent.field)) if isinstance(target, self.record) else target
        )
        return self._above.node_of(parent)

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Return whether the caller has the permission on the object; without a node of its own, on its parent."""
        if self._above is None or (self.node_field and target is not req.parent):
            return super().allows(req, permission, target)
        return self._above.allows(req, permission, req.parent)

    def place(self, values: dict[str, Any], record: Any = None) -> str | None:
        """Return the node that the values set; omitted ones stay as in the record."""
        return values.get(self.node_field, None if record is None else self.node_of(record)) if self.node_field else None

    def moves(self, permission: str) -> bool:
        """Return whether the permission concerns such records, so that moving one grants it at the new node."""
        return permission.startswith(f"{self.events}:")

    def visible(self, req: Request, record: Any) -> bool:
        """Return whether the record is visible to the caller; `reach` must agree for lists."""
        return True

    def reach(self, req: Request) -> list[Condition]:
        """Return the conditions that restrict the list to the records visible to the caller; consistent with `visible` and `allows` for
        single records."""
        if self.parent is None:
            return req.rights.reach_condition(self.permission_for("read"), self.record, self.node_field)
        own = req.rights.reach_condition(self.permission_for("read"), self.record, self.node_field) if self.node_field else []
        return [equals(getattr(self.view or self.record, self.parent.field), req.parent.id), *own]

    def merged(self, record: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values of a PATCH; members that a nested object omits stay as in the record; raises Invalid."""
        return merged(self.body, values, record)

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Return the values to write; raise Invalid for errors that the schema cannot detect.

        Of a PATCH, `values` are only the fields that it names; the others are in `record`.
        """
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Any:
        """Write a new record and its event."""
        record = records.create(self.record, **values)
        emit(self._event("created"), record)
        return record

    def change(self, req: Request, record: Any, values: dict[str, Any]) -> Any:
        """Write changed values, and their event."""
        changed = records.change(record, values)
        if changed:
            emit(self._event("updated"), record, changes=changed, secret_fields=self.secret_fields)
        return record

    def remove(self, req: Request, record: Any) -> None:
        """Delete the record, and write the event, which keeps its label.

        Without an override, Refused as `refuse_in_use` says; an override decides that itself, and may call it first.
        """
        if self._inherits("remove"):
            self.refuse_in_use(record)
        records.remove(record)
        emit(self._event("deleted"), record)

    def refuse_in_use(self, record: Any) -> None:
        """Refused ``in_use``, with the list, while `referrers` hold the record's id."""
        if found := self.referrers():
            references.refuse_in_use(self.app.models, references.kind_of(self.record) or "", record.id, found)

    def referrers(self) -> list[tuple[type[records.Row], str]]:
        """Return the records that name such a record, each with the field: those that declare `references` to it, and those under it."""
        under = [each for each in self._resources_under() if each.parent.field in each.record._meta.fields]
        declared = references.fields_to(self.app.models, references.kind_of(self.record) or "")
        return list(dict.fromkeys((*declared, *((each.record, each.parent.field) for each in under))))

    def _resources_under(self) -> Iterable[Any]:
        resources = {id(endpoint.resource): endpoint.resource for endpoint in self.app.endpoints}.values()
        parents = ((each, getattr(each, "parent", None)) for each in resources)
        return [each for each, parent in parents if parent is not None and isinstance(self, parent.resource)]

    def present(self, record: Any) -> Any:
        """Return the source for the reply schema of a single record."""
        return record if self.view is None else self.view.row(record.id, self.plan.columns)

    # The verbs

    @operation("read", query="query", reply="reply", many=True, reach="rows", message="{plural} listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List {plural}, a page at a time."""
        resp.media = self.page(req)

    @operation("create", body="body", reply="reply", status=201, reach="place", message="{singular} created.")
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
        """Return one page of the requested list, restricted to the caller's reach."""
        question = self.query.question(req.path, req.query)
        model, conditions = self.view or self.record, (*self.reach(req), *conditions)
        return read_page(model, self.plan.columns, question, conditions, self.app.keyring, self.query.search)

    def names(self, req: Request, ids: Iterable[str]) -> Mapping[str, str]:
        """Return the names of those of these objects that are within the caller's reach, by id."""
        return references.names(self.view or self.record, ids, self.reach(req))

    def location(self, record: Any) -> str:
        """Return the URL of the record; the ids before its own in the path are fields of the record."""
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
        """Refused if the caller may not change such records at the new node too, or the move would grant or revoke rights that they do
        not hold."""
        req.rights.require_at(self.permission_for("update"), new)
        self.app.rights.refuse_archived(req.principal, new)
        require_move(Delegator.of(self.app.rights, req.principal), self.moves, self.node_of(record), old, new)

    def permission_for(self, verb: str) -> str:
        """Return the permission of the verb's operation."""
        permission = self.permissions.get(verb, verb)
        return permission if ":" in permission else f"{self.events}:{permission}"

    def _event(self, past: str) -> str:
        return f"{self.events}.{self.event_prefix}{past}"
