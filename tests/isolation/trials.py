"""Everything that an operation's schema lets somebody try: each reference, address, role and choice, at each object there is."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, islice, product
from typing import Any

from marshmallow import Schema

from aasim_core.access.tree import PREFIXES
from aasim_core.context import organization_scope
from aasim_core.data.records import is_tenant
from aasim_core.http.operations import Endpoint
from aasim_core.schemas.examples import example_of
from aasim_core.schemas.fields import Boolean, Choice, Email, Id, ListOf, Object
from aasim_core.tenancy.records import Membership
from aasim_core.testing.contract.stage import TENANT, Unprepared

from .gains import EVIL
from .scene import Scene

_MOST_PATHS, _MOST_BODIES, _MOST_OF_A_KIND = 60, 90, 12
_KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}
#: Stands in bodies for an address that nobody has yet.
_ADDRESS = f"m{EVIL}"
_numbers = count(1)


class Trials:
    """The requests to try an operation with, in one scene."""

    def __init__(self, scene: Scene, endpoint: Endpoint) -> None:
        self.scene, self.endpoint = scene, endpoint
        self.fields: Mapping[str, Any] = getattr(endpoint.operation.body, "load_fields", {})
        self.examples = self._ids()
        self.ids = self._all_ids()

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Paths and the keywords of a request."""
        paths = list(islice(self._paths(), _MOST_PATHS))
        bodies = list(islice(self._bodies(), _MOST_BODIES))
        for body in bodies:
            for path in paths:
                yield path, json.loads(json.dumps(body).replace(_ADDRESS, f"m{next(_numbers)}{EVIL}"))

    def _ids(self) -> Mapping[str, str]:
        try:
            return self.scene.stage.ids(self.endpoint, self.scene.owner)
        except Unprepared:
            return {}

    def _all_ids(self) -> Mapping[str, list[str]]:
        """What is there, by the prefix of its ids; the caller and the youngest first."""
        found: dict[str, list[str]] = {}
        with organization_scope(self.scene.owner.organization_id):
            found["user"] = [self.scene.caller.user_id, *(each.user_id for each in Membership.select(Membership.user_id))]
            for model in self.scene.stage.app.models:
                if is_tenant(model) and "id" in model._meta.fields and getattr(model._meta, "id_prefix", None):
                    rows = model.select(model.id).order_by(model.id.desc()).limit(_MOST_OF_A_KIND)
                    found.setdefault(model._meta.id_prefix, []).extend(row.id for row in rows)
        found["organization"] = [self.scene.owner.organization_id]
        return found

    def _paths(self) -> Iterator[str]:
        options = [self._values_of(name) for name in self.endpoint.path_ids]
        for chosen in product(*options):
            yield self.scene.stage.filled(self.endpoint.template, dict(zip(self.endpoint.path_ids, chosen, strict=True)))

    def _values_of(self, name: str) -> list[str]:
        if name == TENANT:
            return self.ids["organization"]
        example = self.examples.get(name, "")
        known = self.ids.get(example.rpartition("_")[0], [])
        return list(dict.fromkeys([example, *known]))

    # Bodies

    def _bodies(self) -> Iterator[dict[str, Any]]:
        if not isinstance(self.endpoint.operation.body, Schema):
            yield {}
            return
        for change in ({}, *self._grants(), *self._changes()):
            yield {"body": self._base(change) | change}

    def _base(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """The least that is needed besides the change; an address is always one that the caller reads."""
        base = {}
        if self.endpoint.method != "PATCH" or not change:
            base = dict(self.scene.stage.body(self.endpoint, self.scene.owner))
        mine = {name: _ADDRESS for name, field in self.fields.items() if isinstance(field, Email)}
        for name in change:
            base.pop(name.removesuffix("_id"), None)
            base.pop(f"{name}_id", None)
        return base | (mine if self.endpoint.method != "PATCH" else {})

    def _grants(self) -> Iterator[dict[str, Any]]:
        """Roles at places, for operations that give some."""
        if "role" not in self.fields:
            return
        for role in ("owner", "admin", "approver"):
            yield {"role": role}
            for place in self.scene.control.places if "place" in self.fields else ():
                yield {"role": role, "place": {"type": _KINDS.get(place.rpartition("_")[0], "team"), "id": place}}

    def _changes(self) -> Iterator[dict[str, Any]]:
        """Each field with each value that may mean something to somebody's rights."""
        for name, field in self.fields.items():
            for value in self._tried(name, field):
                yield {name: value}

    def _tried(self, name: str, field: Any) -> Iterable[Any]:
        if name in ("permissions", "scopes"):
            everything = sorted(self.scene.stage.app.permissions)
            return [everything, ["users:assign"], ["hitl_approvals:decide"]]
        return next((tried(self, field) for kind, tried in _TRIED.items() if isinstance(field, kind)), ())

    def _references(self, field: Id) -> Iterable[Any]:
        prefixes = [field.prefix] if field.prefix else ["user", *_KINDS]
        return [None, *(each for prefix in prefixes for each in self.ids.get(prefix, [])[:_MOST_OF_A_KIND])]

    def _lists(self, field: ListOf) -> Iterable[Any]:
        return [[value] for value in self._tried("", field.inner) if value is not None]

    def _objects(self, field: Object) -> Iterable[Any]:
        members = field.schema.load_fields.items()
        return [
            _with_needed(field.schema, {**example_of(field.schema), each: value})
            for each, one in members
            for value in self._tried(each, one)
        ]


def _with_needed(schema: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The object with examples of what the schema's rules need besides."""
    needed = [name for rule in getattr(schema, "rules", ()) for name in rule.flaws(values) if name not in values]
    return values | {name: example_of(Schema.from_dict({name: schema.load_fields[name]})())[name] for name in needed}


#: The values that fields of each kind are tried with.
_TRIED: Mapping[type[Any], Callable[[Trials, Any], Iterable[Any]]] = {
    Id: Trials._references,
    Email: lambda trials, field: [_ADDRESS],
    Choice: lambda trials, field: field.values,
    Boolean: lambda trials, field: [True, False],
    ListOf: Trials._lists,
    Object: Trials._objects,
}
