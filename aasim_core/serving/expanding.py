"""``expand=``: add the names of the objects that ids in a response refer to, if the caller can see them.

The ids are the reply's fields of the type `Id`, with the record's ``references``, and those within the fields that the reply declares
as ``expandable``. A name is shown to callers who see it in the list of such objects, and read with one statement per kind.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from orjson import Fragment

from ..data.references import kind_of
from ..data.scope import TENANT_COLUMN
from ..errors import Refused
from ..http.operations import Endpoint
from ..http.request import Request
from ..lists.query import ListQuery, Parameters
from ..resources.collection import Collection
from ..schemas.containers import ListOf
from ..schemas.formats import Id
from ..schemas.scalars import Choice, Text
from ..schemas.schema import Schema
from .permission import permit_anywhere

if TYPE_CHECKING:
    from ..app import App

_ABOUT = (
    "Ids of the items to add names to: with owner, the object owner with id and name is added to owner_id. Of a field with objects, "
    "names are added to the ids in each."
)


class Words(ListOf):
    """The words of ``expand``; an unknown one is an error before their number is, so that the error names those that there are."""

    def read(self, value: Any) -> Any:
        """Return the words; raises ValidationError."""
        if type(value) is list:
            self._items(value)
        return super().read(value)


class NamedOut(Schema):
    """The object that an id refers to, with its name."""

    id = Id(required=True)
    name = Text(required=True)


@dataclass(frozen=True)
class Reference:
    """A response field that holds an id, and the field `added` next to it; `lists` are the lists of what it may refer to, by id prefix.

    It is in the objects of the item's field `within`, which `holder` describes; by default in the item itself.
    """

    field: str
    added: str
    lists: Mapping[str, Endpoint]
    holder: type
    within: str | None = None

    def holders(self, item: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """Return the objects of the item that have the field."""
        held: Any = item if self.within is None else item[self.within]
        return held if isinstance(held, list) else () if held is None else (held,)


#: The references to which each word of ``expand`` adds names.
References = Mapping[str, Sequence[Reference]]


def with_references(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the endpoints; those that list or read objects with ids of named ones take ``expand``."""
    lists = _lists_of_named(endpoints)
    return [_with_references(endpoint, _references(endpoint, lists)) for endpoint in endpoints]


def _lists_of_named(endpoints: Iterable[Endpoint]) -> dict[str, Endpoint]:
    """Return the list of all objects of a kind, by id prefix, for kinds that have names."""
    return {
        kind: endpoint
        for endpoint in endpoints
        if endpoint.method == "GET" and endpoint.operation.many and not endpoint.path_ids and endpoint.needs_caller
        if isinstance(endpoint.resource, Collection) and endpoint.template == endpoint.resource.paths.get("")
        if endpoint.reply is endpoint.resource.reply and {"id", "name"} <= endpoint.reply.fields.keys()
        if (kind := kind_of(endpoint.resource.record)) is not None
    }  # fmt: skip


def _references(endpoint: Endpoint, lists: Mapping[str, Endpoint]) -> References:
    """Return the ids in the responses of a list, or of a plain read."""
    operation, reply = endpoint.operation, endpoint.reply
    is_list = operation.many and isinstance(operation.query, ListQuery) and "expand" not in operation.query.parameters
    is_read = endpoint.method == "GET" and endpoint.needs_caller and not operation.plain
    if reply is None or not is_read or not (is_list or operation.query is None):
        return {}
    declared = getattr(getattr(getattr(endpoint.resource, "record", None), "_meta", None), "references", {})
    found: dict[str, Sequence[Reference]] = {
        each.added: (each,) for each in _ids_of(reply, declared, lists) if each.field != "id"
    }
    within = {name: tuple(_within(name, reply, lists)) for name in getattr(reply, "expandable", ())}
    return found | {name: references for name, references in within.items() if references}


def _ids_of(schema: Any, declared: Mapping[str, Any], lists: Mapping[str, Endpoint]) -> Iterator[Reference]:
    for name, field in schema.dump_fields.items():
        if isinstance(field, Id) and name != TENANT_COLUMN:
            found, added = _leading_to(field.prefix or declared.get(name), lists), _added_to(name)
            if found and added not in schema.fields:
                yield Reference(name, added, found, type(schema))


def _within(name: str, reply: Any, lists: Mapping[str, Endpoint]) -> Iterator[Reference]:
    """Return the ids in the objects that the reply's field `name` holds."""
    field = reply.dump_fields[name]
    holder: Any = field.inner if isinstance(field, ListOf) else field
    return (replace(each, within=name) for each in _ids_of(holder.schema, {}, lists))


def _leading_to(kinds: str | tuple[str, ...] | None, lists: Mapping[str, Endpoint]) -> Mapping[str, Endpoint]:
    """Return the lists of these kinds; all lists where an id may be of any kind."""
    if kinds is None:
        return lists
    return {kind: lists[kind] for kind in ((kinds,) if isinstance(kinds, str) else kinds) if kind in lists}


def _added_to(name: str) -> str:
    """``owner`` for owner_id, ``created_by_object`` for created_by, and ``object`` for the id of a reference with a type."""
    return name.removesuffix("_id") if name.endswith("_id") else "object" if name == "id" else f"{name}_object"


def _with_references(endpoint: Endpoint, references: References) -> Endpoint:
    if not references:
        return endpoint
    words = Words(Choice(*references), len(references), min_items=1, unique=True, description=_ABOUT)
    query = endpoint.operation.query
    asked = query if isinstance(query, Parameters) else Parameters({})
    return replace(endpoint, operation=replace(endpoint.operation, query=asked.with_more(expand=words)), references=references)


def expand(app: "App", endpoint: Endpoint, req: Request, items: Sequence[dict[str, Any]]) -> None:
    """Put ``{id, name}`` next to the ids of each word of ``expand``; None where the object does not exist or is not visible to the
    caller."""
    references = [each for word in req.query["expand"] for each in endpoint.references[word]]
    for name in {each.within for each in references if each.within is not None}:
        _parse(items, name)
    holders = [(each, holder) for each in references for item in items for holder in each.holders(item)]
    names = _names(app, holders, req)
    for reference, holder in holders:
        record_id = holder[reference.field]
        holder[reference.added] = {"id": record_id, "name": names[record_id]} if record_id in names else None


def _parse(items: Sequence[dict[str, Any]], name: str) -> None:
    """Parse the field where it is JSON text from the database."""
    for item in items:
        if isinstance(item[name], Fragment):
            item[name] = orjson.loads(orjson.dumps(item[name]))


def _names(app: "App", holders: Iterable[tuple[Reference, Mapping[str, Any]]], req: Request) -> Mapping[str, str]:
    lists: dict[str, Endpoint] = {}
    ids: dict[str, set[str]] = defaultdict(set)
    for reference, holder in holders:
        kind = str(holder[reference.field] or "").rpartition("_")[0]
        if kind in reference.lists:
            lists[kind] = reference.lists[kind]
            ids[kind].add(holder[reference.field])
    return {record_id: name for kind, some in ids.items() for record_id, name in _visible(app, lists[kind], req, some).items()}


def _visible(app: "App", listing: Endpoint, req: Request, ids: Iterable[str]) -> Mapping[str, str]:
    """Return the names of those of these objects that the list shows to the caller, without filters."""
    try:
        permit_anywhere(app, listing, req)
    except Refused:
        return {}
    asked, req.query = req.query, {}
    try:
        return listing.resource.names(req, ids)  # type: ignore[attr-defined, no-any-return]
    finally:
        req.query = asked
