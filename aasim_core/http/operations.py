"""Declare operations, and build the table of all of them, which the guard, the OpenAPI document and the tests read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, TypeVar, cast

from marshmallow import Schema

from ..errors import Refused
from ..lists.render_plan import Derived, Plan
from ..schemas.scalars import Integer
from .protocols import API, Protocol
from .request import Request

if TYPE_CHECKING:
    from ..lists.query import Parameters
    from ..tenancy.principal import TokenCaller

P = ParamSpec("P")
Responder = TypeVar("Responder", bound=Callable[..., None])

#: An operation that anybody may call; one that every authenticated caller may, for what is their own; one for the holder of the token in
#: its path, whom the resource's `caller` tells.
PUBLIC, SELF, TOKEN = WITHOUT_PERMISSION = "public", "self", "token"
#: What an operation is for callers who hold its permission at some nodes only: it needs the permission in the whole organization; it
#: touches only the rows within their reach; it checks the permission at the place that the request names; it touches only what is their
#: own; it concerns nothing of the organization.
Reach = Literal["organization", "rows", "place", "own", "common"]


def lacking(permission: str) -> Refused:
    """Return the error for a caller without the permission."""
    return Refused("permission_denied", f"This needs the permission {permission}.", meta={"permission": permission})


@dataclass(frozen=True)
class Operation:
    """The declaration of one responder.

    `permission` is ``"<plugin>:<verb>"``, the verb alone, `PUBLIC`, `SELF` or `TOKEN`. A schema may be given as the name of an attribute of
    the resource, so that a base class can declare operations for its subclasses. `also` are further success statuses; `bare` are those,
    with their message, whose response has no data and names no object. A `stream` can respond with server-sent events; an import may have a
    longer body (``http.max_import_bytes``); a `plain` operation responds without the envelope (documents, pages). An `unlimited` one does
    not count against rate limits. One that is not `on_database` is served even while the database is unavailable. `refusals` are the error
    codes that the operation adds to the common ones, or the name of an attribute of the resource that holds them once the app is complete.
    An operation with `transaction` False manages its own transactions, as one must that waits for external services. `keep_seconds` is how
    long the response to a POST is stored for its ``Idempotency-Key``. `formats` are further media types of responses. `verb` is the last
    word of its name in the API reference, where the path does not give it. One that `waits` supports ``Prefer: wait``. `headers` are
    further request headers, each with a sentence. One that is `about_caller` has an object although its path names none: the caller's own,
    which the resource's `find` returns. One that is `own_always` needs its permission only for objects of others: people may always do it
    to their own, which the resource's `allows` decides; an API key still needs the scope. An operation without an object needs its
    permission in the whole organization, unless it declares another `reach`. `session_only` excludes API keys, and
    `owners_only` everybody but the owners of the organization, whatever their permissions. In an organization that is being deleted,
    operations with a permission are refused unless declared `while_closing`. Changes to objects of an archived node are refused unless
    `while_archived`.
    """

    permission: str
    summary: str = ""
    body: Schema | str | None = None
    query: "Schema | Parameters | str | None" = None
    reply: Schema | str | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    bare: Mapping[int, str] = field(default_factory=dict)
    message: str = ""
    many: bool = False
    transaction: bool = True
    keep_seconds: int = 86_400
    about_caller: bool = False
    own_always: bool = False
    reach: Reach | None = None
    session_only: bool = False
    owners_only: bool = False
    stream: bool = False
    formats: Sequence[str] = ()
    verb: str = ""
    waits: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    plain: bool = False
    unlimited: bool = False
    on_database: bool = True
    is_import: bool = False
    while_closing: bool = False
    while_archived: bool = False
    refusals: Sequence[str] = ()

    @property
    def known_refusals(self) -> Sequence[str]:
        """Return the `refusals` that are known before the app is complete."""
        return () if isinstance(self.refusals, str) else self.refusals


def _marking(declare: Callable[P, Operation]) -> Callable[P, Callable[[Responder], Responder]]:
    """A decorator with the parameters of `declare`, so that type checkers know them."""

    def decorator(*positional: P.args, **named: P.kwargs) -> Callable[[Responder], Responder]:
        declared = declare(*positional, **named)

        def mark(responder: Responder) -> Responder:
            responder.operation = declared  # type: ignore[attr-defined]
            return responder

        return mark

    decorator.__doc__ = "Declare a responder's operation; the responder itself is unchanged. See `Operation` for the keywords."
    return decorator


operation = _marking(Operation)


class Resource:
    """A falcon resource whose responders are operations; `paths` maps a responder's suffix to its URI template.

    Templates are relative to ``/api/v1``, unless the resource has another `protocol`, whose prefix they begin with.

    Where objects have owners, `others` names the permission that other people's objects need in addition to the operation's. `common`
    objects, the same for every organization, need the permission at any node. `noun` is the plural of their name, if it is not the
    plugin's. `unique` are the fields with unique values: a clash is answered with 422. `derived` are the fields of its `reply` that no
    column holds.

    `permissions` overrides the permission of the verbs `read`, `create`, `update` and `delete`: ``{"create": "manage"}``. `operations`
    overrides keywords of `Operation` for the operations `list`, `create`, `read`, `replace`, `update` and `delete` of a base class:
    ``{"delete": {"summary": "Revoke {one} for good."}}``.
    """

    paths: ClassVar[Mapping[str, str]]
    protocol: ClassVar[Protocol] = API
    reply: ClassVar[Schema]
    derived: ClassVar[Mapping[str, Derived]] = {}
    noun: ClassVar[str | None] = None
    others: ClassVar[str | None] = None
    common: ClassVar[bool] = False
    unique: ClassVar[Sequence[str]] = ()
    permissions: ClassVar[Mapping[str, str]] = {}
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @cached_property
    def plan(self) -> Plan:
        """The rendering of rows as its `reply`; created on first use."""
        return Plan(self.reply, self.derived)

    def responder(self, name: str) -> Callable[..., None] | None:
        """Return the responder of that name (``on_get_one``), or None."""
        return getattr(self, name, None)

    def emits(self) -> Iterable[str]:
        """Return the names of the events that it emits; its plugin declares them."""
        return ()

    def find(self, req: Request, **ids: str) -> Any:
        """Return the object that the path names; raises the uniform 404. None where the path names none.

        For an operation that is `about_caller`, return the caller's own.
        """
        return None

    def caller(self, req: Request, **ids: str) -> "TokenCaller | None":
        """Return the holder of the token in the path of a `TOKEN` operation; None for an unknown token.

        Called in a system scope, before the body is read; the request continues in the organization of the result.
        """
        raise NotImplementedError

    def node_of(self, target: Any) -> str | None:
        """Return the id of the tree node that `target` belongs to; None is the organization itself."""
        return None

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Return whether the caller has the permission on the object."""
        return req.rights.has_anywhere(permission) if self.common else req.rights.allows_at(permission, self.node_of(target))

    def denial(self, req: Request, permission: str, target: Any) -> Refused:
        """Return the error where `allows` refuses an object that the caller may read."""
        return req.rights.lacking_at(permission, self.node_of(target))


@dataclass(frozen=True)
class Endpoint:
    """One operation at its path: method and template, the resource, and everything resolved."""

    plugin: str
    method: str
    template: str
    resource: Resource
    responder: Callable[..., None]
    operation: Operation
    operation_id: str
    path_ids: tuple[str, ...] = field(default=())
    #: The words that ``expand`` accepts, with the references to which each adds names (see `expanding`).
    references: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    #: The error codes with which listeners may refuse its change.
    refused_by_listeners: Sequence[str] = ()

    @property
    def protocol(self) -> Protocol:
        """Its protocol."""
        return self.resource.protocol

    @cached_property
    def in_api(self) -> bool:
        """Whether it belongs to the API, with the envelope and in the OpenAPI document."""
        return self.protocol is API

    @cached_property
    def body(self) -> Schema | None:
        """The schema of the request's body."""
        return cast("Schema | None", self.operation.body)

    @cached_property
    def query(self) -> "Schema | Parameters | None":
        """The schema of the query string."""
        return cast("Schema | Parameters | None", self.operation.query)

    @cached_property
    def reply(self) -> Schema | None:
        """The schema of the response's data."""
        return cast("Schema | None", self.operation.reply)

    @cached_property
    def plan(self) -> Plan | None:
        """The rendering of rows as the response's data; None where no schema is declared."""
        if self.reply is None:
            return None
        if self.reply is getattr(self.resource, "reply", None):
            return self.resource.plan
        return Plan(self.reply, self.resource.derived if self.operation.many else None)

    @cached_property
    def refusals(self) -> Sequence[str]:
        """The operation's own error codes; known once the app is complete."""
        declared = self.operation.refusals
        own = cast("Sequence[str]", getattr(self.resource, declared)) if isinstance(declared, str) else declared
        return (*own, *self.refused_by_listeners)

    @cached_property
    def has_version(self) -> bool:
        """Whether its response is one object with a version, and so has an ``ETag``."""
        version = None if self.reply is None or self.operation.many else self.reply.dump_fields.get("version")
        return isinstance(version, Integer)

    @cached_property
    def writes(self) -> bool:
        """Whether it may change something, and so runs in a transaction."""
        return self.method != "GET"

    @cached_property
    def has_target(self) -> bool:
        """Whether it is about an existing object."""
        return bool(self.path_ids) or self.operation.about_caller

    @cached_property
    def reach(self) -> Reach | None:
        """What it is for callers who hold its permission at some nodes only; None where the permission is needed on its object.

        A path with the organization's id alone names no other object than all others do.
        """
        declared = self.operation.reach
        if self.has_target:
            return declared if declared == "organization" or self.path_ids == ("organization_id",) else None
        return declared or ("common" if self.resource.common else "organization")

    @cached_property
    def needs_organization(self) -> bool:
        """Whether its permission has to be held in the whole organization."""
        return self.permission is not None and self.reach == "organization"

    @cached_property
    def needs_caller(self) -> bool:
        """Whether it requires authentication."""
        return self.operation.permission not in (PUBLIC, TOKEN)

    @cached_property
    def by_token(self) -> bool:
        """Whether it is for the holder of the token in its path."""
        return self.operation.permission == TOKEN

    @cached_property
    def permission(self) -> str | None:
        """The permission that the caller needs, or None where authentication is enough."""
        return None if self.operation.permission in WITHOUT_PERMISSION else self.operation.permission
