"""``expand=``: add the names of the objects that ids in a response refer to, if the caller can see them.

The ids are the reply's fields of the type `Id` and those in the record's ``references``. A name is shown to callers who see it in the list
of such objects, and read with one statement per kind.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

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

_ABOUT = "Ids of the items to add names to: with owner, the object owner with id and name is added to owner_id."


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
    """A response field that holds an id; `lists` are the lists of the objects it may refer to, by id prefix."""

    field: str
    lists: Mapping[str, Endpoint]


def with_references(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """Return the endpoints; those that list or read objects with ids of named ones take ``expand``."""
    lists = _lists_of_named(endpoints)
    return [_with_references(endpoint, dict(_references(endpoint, lists))) for endpoint in endpoints]


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


def _references(endpoint: Endpoint, lists: Mapping[str, Endpoint]) -> Iterator[tuple[str, Reference]]:
    """Return the ids in the responses of a list, or of a plain read, by their word for ``expand``."""
    operation, reply = endpoint.operation, endpoint.reply
    is_list = operation.many and isinstance(operation.query, ListQuery) and "expand" not in operation.query.parameters
    if endpoint.method != "GET" or reply is None or operation.plain or not (is_list or operation.query is None):
        return
    declared = getattr(getattr(getattr(endpoint.resource, "record", None), "_meta", None), "references", {})
    for name, field in reply.dump_fields.items():
        if isinstance(field, Id) and endpoint.needs_caller and name not in ("id", TENANT_COLUMN):
            found = _leading_to(field.prefix or declared.get(name), lists)
            word = _word(name)
            if found and word not in reply.fields:
                yield word, Reference(name, found)


def _leading_to(kinds: str | tuple[str, ...] | None, lists: Mapping[str, Endpoint]) -> Mapping[str, Endpoint]:
    """Return the lists of these kinds; all lists where an id may be of any kind."""
    if kinds is None:
        return lists
    return {kind: lists[kind] for kind in ((kinds,) if isinstance(kinds, str) else kinds) if kind in lists}


def _word(name: str) -> str:
    """``owner`` for owner_id, and ``created_by_object`` for created_by."""
    return name.removesuffix("_id") if name.endswith("_id") else f"{name}_object"


def _with_references(endpoint: Endpoint, references: Mapping[str, Reference]) -> Endpoint:
    if not references:
        return endpoint
    words = Words(Choice(*references), len(references), min_items=1, unique=True, description=_ABOUT)
    query = endpoint.operation.query
    asked = query if isinstance(query, Parameters) else Parameters({})
    return replace(endpoint, operation=replace(endpoint.operation, query=asked.with_more(expand=words)), references=references)


def expand(app: "App", endpoint: Endpoint, req: Request, items: Sequence[dict[str, Any]]) -> None:
    """Put ``{id, name}`` into the items for each word of ``expand``; None where the object does not exist or is not visible to the
    caller."""
    references = {word: endpoint.references[word] for word in req.query["expand"]}
    names = _names(app, references.values(), req, items)
    for item in items:
        for word, reference in references.items():
            record_id = item[reference.field]
            item[word] = {"id": record_id, "name": names[record_id]} if record_id in names else None


def _names(app: "App", references: Iterable[Reference], req: Request, items: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    lists: dict[str, Endpoint] = {}
    ids: dict[str, set[str]] = defaultdict(set)
    for reference in references:
        for item in items:
            kind = str(item[reference.field] or "").rpartition("_")[0]
            if kind in reference.lists:
                lists[kind] = reference.lists[kind]
                ids[kind].add(item[reference.field])
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
