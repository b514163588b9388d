"""Declaring operations, and the table of all of them that the guard, the OpenAPI document and the tests read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from marshmallow import Schema

from ..errors import Refused
from .render import Derived, Plan
from .request import Request

if TYPE_CHECKING:
    from .query import ListQuery

#: An operation that anybody may call, and one that every authenticated caller may, for what is their own.
PUBLIC = "public"
SELF = "self"

_METHODS = ("get", "post", "put", "patch", "delete")


def lacking(permission: str) -> Refused:
    """What is answered to whoever does not hold the permission."""
    return Refused("permission_denied", f"This needs the permission {permission}.", meta={"permission": permission})


@dataclass(frozen=True)
class Operation:
    """What is declared about one responder.

    `permission` is ``"<plugin>:<verb>"``, the verb alone, `PUBLIC` or `SELF`. A schema may be given as the name of an attribute of
    the resource, so that a base class can declare operations for its subclasses. `also` are further statuses of success. A `stream`
    can answer with server-sent events; an import may have a longer body (``http.max_import_bytes``); a `plain` operation answers
    without the envelope (documents, pages). An `unlimited` one does not count against rate limits. `refusals` are the error codes
    that the operation itself adds to those that every operation has. An operation that is no `transaction` has transactions of its own,
    as one must that waits for something else. `keep_seconds` is how long the answer to a POST is kept for its ``Idempotency-Key``.
    `formats` are further media types that it can answer with.
    One that is `about_caller` has an object although its path names none: the caller's own, which the resource's `find` gives.
    One that is `own_always` needs its permission for what belongs to others only: people may do it to their own whatever they hold, which
    the resource's `allows` tells; an API key still needs the scope.
    `session_only` keeps API keys out, and `owners_only` everybody but the owners of the organization, whatever permissions they hold.
    In an organization that is being deleted, what needs a permission is refused, unless it is declared to work `while_closing`. What
    belongs to an archived node is not changed but `while_archived`.
    """

    permission: str
    summary: str = ""
    body: Schema | str | None = None
    query: "Schema | ListQuery | str | None" = None
    reply: Schema | str | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    message: str = ""
    many: bool = False
    transaction: bool = True
    keep_seconds: int = 86_400
    about_caller: bool = False
    own_always: bool = False
    session_only: bool = False
    owners_only: bool = False
    stream: bool = False
    formats: Sequence[str] = ()
    plain: bool = False
    unlimited: bool = False
    is_import: bool = False
    while_closing: bool = False
    while_archived: bool = False
    refusals: Sequence[str] = ()


def operation(permission: str, **metadata: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a responder's operation; it changes nothing about the responder. See `Operation` for the keywords."""
    declared = Operation(permission, **metadata)

    def mark(responder: Callable[..., None]) -> Callable[..., None]:
        responder.operation = declared  # type: ignore[attr-defined]
        return responder

    return mark


class Resource:
    """A falcon resource whose responders are operations; `paths` maps a responder's suffix to its URI template.

    Where objects are somebody's own, `others` names the permission that those of others need besides the operation's. Where they are
    `common`, the same for every organization, they are for whoever holds the permission anywhere. `noun` is what they are called, in
    the plural, where that is not the plugin's name. `unique` are the fields of which the database refuses a value that another object
    has: a clash is the client's to mend, with 422. `derived` is what its `reply` has that no column holds.
    """

    paths: ClassVar[Mapping[str, str]]
    reply: ClassVar[Schema]
    derived: ClassVar[Mapping[str, Derived]] = {}
    noun: ClassVar[str | None] = None
    others: ClassVar[str | None] = None
    common: ClassVar[bool] = False
    unique: ClassVar[Sequence[str]] = ()

    @cached_property
    def plan(self) -> Plan:
        """How rows become its `reply`; made when it is first needed."""
        return Plan(self.reply, self.derived)

    def find(self, req: Request, **ids: str) -> Any:
        """The object that the path names; raises the one 404. None where the path names none.

        For an operation that is `about_caller`, what is the caller's own.
        """
        return None

    def node_of(self, target: Any) -> str | None:
        """The id of the tree's node that `target` belongs to; None is the organization itself."""
        return None

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Whether the caller has the permission on the object."""
        return req.rights.has_anywhere(permission) if self.common else req.rights.allows_at(permission, self.node_of(target))

    def denial(self, req: Request, permission: str, target: Any) -> Refused:
        """What the caller is told whom `allows` says no to, of an object that they may read."""
        return lacking(permission)


@dataclass(frozen=True)
class Endpoint:
    """One operation at its place: method and template, the resource that answers, and everything resolved."""

    plugin: str
    method: str
    template: str
    resource: Resource
    responder: Callable[..., None]
    operation: Operation
    operation_id: str
    path_ids: tuple[str, ...] = field(default=())

    @cached_property
    def body(self) -> Schema | None:
        """The schema of the request's body."""
        return cast("Schema | None", self.operation.body)

    @cached_property
    def query(self) -> "Schema | ListQuery | None":
        """What the query string may say."""
        return cast("Schema | ListQuery | None", self.operation.query)

    @cached_property
    def reply(self) -> Schema | None:
        """The schema of the answer's data."""
        return cast("Schema | None", self.operation.reply)

    @cached_property
    def plan(self) -> Plan | None:
        """How rows become the answer's data; None where no schema is declared."""
        if self.reply is None:
            return None
        return self.resource.plan if self.reply is getattr(self.resource, "reply", None) else Plan(self.reply)

    @cached_property
    def writes(self) -> bool:
        """Whether it may change something, and so runs in a transaction."""
        return self.method != "GET"

    @cached_property
    def has_target(self) -> bool:
        """Whether it is about an object that is there already."""
        return bool(self.path_ids) or self.operation.about_caller

    @cached_property
    def needs_caller(self) -> bool:
        """Whether it is for authenticated callers only."""
        return self.operation.permission != PUBLIC

    @cached_property
    def permission(self) -> str | None:
        """The permission that the caller needs, or None where being authenticated is enough."""
        return None if self.operation.permission in (PUBLIC, SELF) else self.operation.permission


def endpoints_of(plugin: str, resources: Iterable[Resource]) -> Iterator[Endpoint]:
    """Every endpoint of the plugin's resources; LookupError for a path without a responder, or a responder without an operation."""
    for resource in resources:
        for suffix, template in resource.paths.items():
            tail = f"_{suffix}" if suffix else ""
            responders = {method: getattr(resource, f"on_{method}{tail}", None) for method in _METHODS}
            if not any(responders.values()):
                where = f"{type(resource).__name__}.on_get{tail}"
                raise LookupError(f"nothing answers at {template}; write {where}, or that of another method")
            for method, responder in responders.items():
                if responder is not None:
                    yield _endpoint(plugin, method, suffix, template, resource, responder)


def _endpoint(
    plugin: str, method: str, suffix: str, template: str, resource: Resource, responder: Callable[..., None]
) -> Endpoint:
    declared: Operation | None = getattr(responder, "operation", None)
    if declared is None:
        raise LookupError(f"{plugin}: {type(resource).__name__}.{responder.__name__} has no @operation; declare one")
    return Endpoint(
        plugin=plugin,
        method=method.upper(),
        template=template,
        resource=resource,
        responder=responder,
        operation=_resolved(declared, plugin, resource, responder),
        operation_id=_operation_id(method, suffix, template),
        path_ids=tuple(part.strip("{}") for part in template.split("/") if part.startswith("{")),
    )


def _operation_id(method: str, suffix: str, template: str) -> str:
    """``get_agents``, ``get_agents_one``, ``post_agents_clone``: the method, the fixed words of the path, and the suffix."""
    words = [part.replace("-", "_").replace(".", "_") for part in template.split("/") if part and not part.startswith("{")]
    return "_".join([method, *words, *([suffix] if suffix not in ("", *words) else [])])


def _resolved(declared: Operation, plugin: str, resource: Resource, responder: Callable[..., None]) -> Operation:
    permission = declared.permission
    if permission not in (PUBLIC, SELF) and ":" not in permission:
        permission = f"{plugin}:{permission}"
    schemas = {
        name: getattr(resource, value) for name in ("body", "query", "reply") if isinstance(value := getattr(declared, name), str)
    }
    nouns = _nouns(resource.noun or plugin)
    text = (responder.__doc__ or "").strip().split("\n")[0].format(**nouns)
    message = (declared.message or text).format(**nouns)
    message = message[:1].upper() + message[1:]
    return replace(declared, permission=permission, summary=declared.summary or text, message=message, **schemas)


def _nouns(name: str) -> dict[str, str]:
    plural = name.replace("_", " ")
    singular = (
        plural[:-3] + "y" if plural.endswith("ies") else plural[:-2] if plural.endswith("ches") else plural.removesuffix("s")
    )
    return {"plural": plural, "singular": singular, "one": f"{'an' if singular[0] in 'aeio' else 'a'} {singular}"}
