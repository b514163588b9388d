"""Declaring operations, and the table of all of them that the guard, the OpenAPI document and the tests read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from marshmallow import Schema

from ..errors import Refused
from ..lists.render_plan import Derived, Plan
from ..schemas.scalars import Integer
from .protocols import API, Protocol
from .request import Request

if TYPE_CHECKING:
    from ..lists.query import Parameters
    from ..tenancy.principal import TokenCaller

#: An operation that anybody may call; one that every authenticated caller may, for what is their own; one for whoever has the token in
#: its path, whom the resource's `caller` tells.
PUBLIC, SELF, TOKEN = WITHOUT_PERMISSION = "public", "self", "token"


def lacking(permission: str) -> Refused:
    """What is answered to whoever does not hold the permission."""
    return Refused("permission_denied", f"This needs the permission {permission}.", meta={"permission": permission})


@dataclass(frozen=True)
class Operation:
    """What is declared about one responder.

    `permission` is ``"<plugin>:<verb>"``, the verb alone, `PUBLIC`, `SELF` or `TOKEN`. A schema may be given as the name of an attribute
    of the resource, so that a base class can declare operations for its subclasses. `also` are further statuses of success, and `bare`
    those, with its message, whose answer has no data and names no object. A `stream` can answer with server-sent events; an import may
    have a longer body (``http.max_import_bytes``); a `plain` operation answers without the envelope (documents, pages). An `unlimited`
    one does not count against rate limits. One that is not `on_database` is answered while the database is away. `refusals` are the
    error codes that the operation itself adds to those that every operation has, or the name of an attribute of the resource that has
    them once the app is complete.
    An operation that is no `transaction` has transactions of its own, as one must that waits for something else. `keep_seconds` is how
    long the answer to a POST is kept for its ``Idempotency-Key``. `formats` are further media types that it can answer with. `verb` is
    the last word of its name in the API reference, where the path does not tell it. One that `waits` heeds ``Prefer: wait``. `headers`
    are further headers of requests that it reads, each with a sentence.
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
        """Those of the `refusals` that are known before the app is complete."""
        return () if isinstance(self.refusals, str) else self.refusals


def operation(permission: str, **metadata: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a responder's operation; it changes nothing about the responder. See `Operation` for the keywords."""
    declared = Operation(permission, **metadata)

    def mark(responder: Callable[..., None]) -> Callable[..., None]:
        responder.operation = declared  # type: ignore[attr-defined]
        return responder

    return mark


class Resource:
    """A falcon resource whose responders are operations; `paths` maps a responder's suffix to its URI template.

    Templates are below ``/api/v1``, unless the resource has another `protocol`, whose prefix they begin with.

    Where objects are somebody's own, `others` names the permission that those of others need besides the operation's. Where they are
    `common`, the same for every organization, they are for whoever holds the permission anywhere. `noun` is what they are called, in
    the plural, where that is not the plugin's name. `unique` are the fields of which the database refuses a value that another object
    has: a clash is the client's to mend, with 422. `derived` is what its `reply` has that no column holds.

    `permissions` says what the verbs `read`, `create`, `update` and `delete` ask for where that is another permission: ``{"create":
    "manage"}``. `operations` says what is otherwise about the operations `list`, `create`, `read`, `replace`, `update` and `delete` that a
    base class declares, by the keywords of `Operation`: ``{"delete": {"summary": "Revoke {one} for good."}}``.
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
        """How rows become its `reply`; made when it is first needed."""
        return Plan(self.reply, self.derived)

    def responder(self, name: str) -> Callable[..., None] | None:
        """What answers, by its name (``on_get_one``); None where nothing does."""
        return getattr(self, name, None)

    def emits(self) -> Iterable[str]:
        """The names of the events that it is known to emit; its plugin declares them."""
        return ()

    def find(self, req: Request, **ids: str) -> Any:
        """The object that the path names; raises the one 404. None where the path names none.

        For an operation that is `about_caller`, what is the caller's own.
        """
        return None

    def caller(self, req: Request, **ids: str) -> "TokenCaller | None":
        """Whoever has the token that the path of a `TOKEN` operation names; None where there is no such token.

        Called in a system scope, with the body not read yet; all that follows is in the organization of the answer.
        """
        raise NotImplementedError

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
    #: What ``expand`` can name (see `expanding`).
    references: Mapping[str, Any] = field(default_factory=dict)
    #: The error codes that listeners may refuse its change with.
    refused_by_listeners: Sequence[str] = ()

    @property
    def protocol(self) -> Protocol:
        """How it speaks."""
        return self.resource.protocol

    @cached_property
    def in_api(self) -> bool:
        """Whether it is one of the API's, with the envelope and in the OpenAPI document."""
        return self.protocol is API

    @cached_property
    def body(self) -> Schema | None:
        """The schema of the request's body."""
        return cast("Schema | None", self.operation.body)

    @cached_property
    def query(self) -> "Schema | Parameters | None":
        """What the query string may say."""
        return cast("Schema | Parameters | None", self.operation.query)

    @cached_property
    def reply(self) -> Schema | None:
        """The schema of the answer's data."""
        return cast("Schema | None", self.operation.reply)

    @cached_property
    def plan(self) -> Plan | None:
        """How rows become the answer's data; None where no schema is declared."""
        if self.reply is None:
            return None
        if self.reply is getattr(self.resource, "reply", None):
            return self.resource.plan
        return Plan(self.reply, self.resource.derived if self.operation.many else None)

    @cached_property
    def refusals(self) -> Sequence[str]:
        """The error codes of the operation's own; known once the app is complete."""
        declared = self.operation.refusals
        own = cast("Sequence[str]", getattr(self.resource, declared)) if isinstance(declared, str) else declared
        return (*own, *self.refused_by_listeners)

    @cached_property
    def has_version(self) -> bool:
        """Whether it answers with one object that has a version, and so with an ``ETag``."""
        version = None if self.reply is None or self.operation.many else self.reply.dump_fields.get("version")
        return isinstance(version, Integer)

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
        return self.operation.permission not in (PUBLIC, TOKEN)

    @cached_property
    def by_token(self) -> bool:
        """Whether it is for whoever has the token in its path."""
        return self.operation.permission == TOKEN

    @cached_property
    def permission(self) -> str | None:
        """The permission that the caller needs, or None where being authenticated is enough."""
        return None if self.operation.permission in WITHOUT_PERMISSION else self.operation.permission
