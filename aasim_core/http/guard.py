"""The way of one request through one operation: every check, in the order that the API promises, around the responder.

framing, authentication, rate, permission anywhere, replay, the object and its visibility, permission on the object, preconditions,
body, responder, rendering, commit. What is refused on the way leaves nothing behind.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import falcon
import peewee

from ..access import grants
from ..context import Actor, acting_as, organization_scope
from ..data import records
from ..data.json import to_json
from ..errors import Refused, not_found
from ..identity.authentication import authenticate
from ..ids import is_id
from . import body, idempotency, query, schema
from .envelope import success
from .operations import Endpoint, lacking
from .paging import Page
from .render import Plan
from .request import Request, Response
from .uniqueness import taken
from .values import NO_BODY

if TYPE_CHECKING:
    from ..app import App

Responder = Callable[..., None]
#: How often a change is begun anew because somebody else's was quicker.
_MOST_TRIES = 10


def guarded(app: "App", endpoint: Endpoint) -> Responder:
    """The responder that falcon routes to for `endpoint`."""
    operation = endpoint.operation
    http = app.settings.http
    limit = http.max_import_bytes if operation.is_import else http.max_body_bytes

    def respond(req: Request, resp: Response, **ids: str) -> None:
        if endpoint.writes and body.refuse_bad_framing(req, limit):
            body.refuse_other_types(req)
        with app.database.connected():
            principal = _identify(app, endpoint, req, resp, ids)
            if principal is None:
                with acting_as(_anonymous(req), req.request_id):
                    _proceed(app, endpoint, limit, (req, resp, ids))
                return
            noted = app.refusals.noted(app.database, endpoint, req, ids) if endpoint.writes else nullcontext()
            acting = acting_as(principal.actor(req.remote_addr), req.request_id, req.env.get("HTTP_TRACEPARENT"))
            with organization_scope(principal.organization_id), acting, noted, app.limiter.slot(principal):
                _permit_anywhere(app, endpoint, req)
                _proceed(app, endpoint, limit, (req, resp, ids))

    return respond


def _identify(app: "App", endpoint: Endpoint, req: Request, resp: Response, ids: dict[str, str]) -> Any:
    """Find out who it is, and count the request."""
    principal = _caller(app, endpoint, req, ids)
    if not endpoint.operation.unlimited:
        resp.set_headers(app.limiter.check(principal, req.remote_addr))
    return principal


def _proceed(app: "App", endpoint: Endpoint, limit: int, request: tuple[Request, Response, dict[str, str]]) -> None:
    """Read what was sent, do it, and make the answer."""
    req, resp, ids = request
    raw = _sent(app, req, limit) if endpoint.writes else NO_BODY
    req.query = query.parse(req.query_string, endpoint.query)
    checked = _checked(endpoint, raw)
    if endpoint.writes:
        try:
            _write(app, endpoint, (raw, checked), req, resp, ids)
        except peewee.IntegrityError as error:
            if (refused := taken(endpoint.resource.unique, error)) is None:
                raise
            raise refused from error
    else:
        _answer(app, endpoint, checked, req, resp, ids)
    if resp.finish is not None:
        resp.finish()


def _sent(app: "App", req: Request, limit: int) -> Any:
    """The body; a slow one is read without a connection."""
    with app.database.let_go():
        return body.read_json(req, limit)


def _anonymous(req: Request) -> Actor:
    return Actor("anonymous", None, "anonymous", req.remote_addr)


def _caller(app: "App", endpoint: Endpoint, req: Request, ids: dict[str, str]) -> Any:
    """The principal, in the organization that the path names, if it names one: of others they learn nothing."""
    if not endpoint.needs_caller:
        return None
    organization_id = ids.get("organization_id")
    if ids and app.database.makes_round_trips:
        _foresee(app, *reversed(ids.values()))
    try:
        principal = authenticate(app, req, organization_id)
    except Refused as refused:
        app.limiter.check(None, req.remote_addr)  # guessing credentials is as limited as having none
        raise (not_found() if organization_id and refused.code == "permission_denied" else refused) from None
    if principal.is_closing and endpoint.permission is not None and not endpoint.operation.while_closing:
        raise not_found() if organization_id else _closing()
    req.principal = principal
    return principal


def _foresee(app: "App", record_id: str, *_: str) -> None:
    """The object that the path names last is read with the caller."""
    model = app.kinds.get(record_id.partition("_")[0])
    if model is not None and is_id(record_id):
        records.foresee(model, record_id)


def _closing() -> Refused:
    message = "The organization is being deleted; until then, an owner can restore it. Choose another one of yours."
    return Refused("organization_closing", message)


def _permit_anywhere(app: "App", endpoint: Endpoint, req: Request) -> None:
    if endpoint.operation.session_only and req.principal.kind != "user":
        raise Refused("session_required", "An API key cannot do this; log in and use the access token.")
    req.rights = app.rights.of(req.principal)
    if not app.features.allowed(req.principal, endpoint.plugin):
        raise Refused("feature_disabled", "This feature is switched off for the organization.")
    if endpoint.permission is not None and not (req.rights.has_anywhere(endpoint.permission) or _is_for_own(endpoint, req)):
        raise lacking(endpoint.permission)
    if endpoint.operation.owners_only and not grants.owns(req.principal.user_id, None):
        raise Refused("permission_denied", "This is for the owners of the organization only.")


def _is_for_own(endpoint: Endpoint, req: Request) -> bool:
    """Whether people may ask for what is their own without the permission; the check of the object keeps them from the rest."""
    return endpoint.operation.own_always and req.principal.kind == "user"


def _checked(endpoint: Endpoint, raw: Any) -> dict[str, Any] | Refused:
    """The validated body, or what is wrong with it, to be raised when its turn comes; done before a write takes the database."""
    try:
        if endpoint.body is not None:
            return schema.load(endpoint.body, raw, partial=endpoint.method == "PATCH")
        if raw is not NO_BODY:
            body.refuse_fields(raw)
    except Refused as refused:
        return refused
    return {}


def _write(app: "App", endpoint: Endpoint, sent: tuple[Any, Any], req: Request, resp: Response, ids: dict[str, str]) -> None:
    """Do it in a transaction; once more where somebody else has changed the object meanwhile, unless the caller named a version."""
    if not endpoint.operation.transaction:
        _write_once(app, endpoint, sent, req, resp, ids)
        return
    for number in range(1, _MOST_TRIES + 1):
        try:
            with app.database.transaction():
                if number > 1:
                    app.database.lock(f"again {req.path}")  # those who were overtaken go one after the other
                _write_once(app, endpoint, sent, req, resp, ids)
        except Refused as refused:
            if refused.code != "version_conflict" or number == _MOST_TRIES or req.get_header("If-Match") is not None:
                raise
            sent = sent[0], _checked(endpoint, sent[0])  # what was checked may have been completed on the way
        else:
            return


def _write_once(app: "App", endpoint: Endpoint, sent: tuple[Any, Any], req: Request, resp: Response, ids: dict[str, str]) -> None:
    raw, checked = sent
    once = idempotency.once if endpoint.operation.transaction else idempotency.once_outside
    with once(app, endpoint, raw, req, resp) as replayed:
        if not replayed:
            _answer(app, endpoint, checked, req, resp, ids)


def _answer(app: "App", endpoint: Endpoint, checked: Any, req: Request, resp: Response, ids: dict[str, str]) -> None:
    req.target = _target(endpoint, req, ids)
    if isinstance(checked, Refused):
        raise checked
    if endpoint.writes and req.target is not None and not endpoint.operation.while_archived:
        app.rights.refuse_archived(req.principal, endpoint.resource.node_of(req.target))
    req.body = checked
    resp.status = endpoint.operation.status
    endpoint.responder(req, resp, **ids)
    _render(endpoint, req, resp)


def _target(endpoint: Endpoint, req: Request, ids: dict[str, str]) -> Any:
    if not endpoint.has_target:
        return None
    target = endpoint.resource.find(req, **ids)
    if endpoint.permission is not None and target is not None:
        _permit_object(endpoint, req, target)
    if endpoint.writes and target is not None:
        _match(req, target)
    return target


def _permit_object(endpoint: Endpoint, req: Request, target: Any) -> None:
    """The object's own permission; one that the caller may not even read is not there for them."""
    permission = endpoint.permission or ""
    if not endpoint.resource.allows(req, permission, target):
        if endpoint.resource.allows(req, f"{permission.partition(':')[0]}:read", target):
            raise endpoint.resource.denial(req, permission, target)
        raise not_found()


def _match(req: Request, target: Any) -> None:
    wanted = req.get_header("If-Match")
    version = getattr(target, "version", None)
    if wanted is None or version is None or wanted.strip() == "*":
        return
    if f'"{version}"' not in [tag.strip() for tag in wanted.split(",")]:
        raise Refused(
            "version_conflict",
            "The object has changed since you read it; read it again and repeat the change.",
            meta={"version": version},
        )


def _render(endpoint: Endpoint, req: Request, resp: Response) -> None:
    media = resp.media
    if resp.stream is not None or resp.data is not None:
        return
    version = media.get("version") if isinstance(media, dict) else getattr(media, "version", None)
    if isinstance(version, int):
        tag = f'"{version}"'
        resp.set_header("ETag", tag)
        known = req.env.get("HTTP_IF_NONE_MATCH") if endpoint.method == "GET" else None
        if known is not None and (tag in known or known.strip() == "*"):
            resp.status, resp.media = falcon.HTTP_304, None
            return
    if isinstance(media, Page) and (links := media.links(req.path, req.query_string)):
        resp.set_header("Link", links)
    data = to_json(shown(endpoint.plan, media, req))
    resp.content_type = falcon.MEDIA_JSON
    resp.data = success(data, resp.message or endpoint.operation.message)
    resp.media = None


def shown(plan: Plan | None, media: Any, req: Request) -> Any:
    """The JSON value for what a responder answered: a page, a record, a mapping, or a plain value where no schema is declared."""
    if plan is None:
        return media
    plan = plan.seen_by(req)
    if isinstance(media, Page):
        return {"items": plan.items(media.names, media.rows, req.query.get("fields") or ()), "pagination": media.pagination()}
    return plan.item(media)
