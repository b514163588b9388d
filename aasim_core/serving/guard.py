"""The path of a request through one operation: every check, in the order that the API promises, around the responder.

framing, authentication, rate, permission anywhere, replay, the object and its visibility, permission on the object, preconditions, body,
responder, rendering, commit. A refused request leaves no changes.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import falcon
import peewee

from ..context import Actor, acting_as, organization_scope
from ..errors import Refused, not_found
from ..http import body
from ..http.envelope import success
from ..http.operations import Endpoint
from ..http.protocols import address_of
from ..http.request import Request, Response
from ..http.uniqueness import taken
from ..lists import query
from ..lists.paging import Page
from ..lists.render_plan import Plan
from ..schemas import schema
from ..schemas.json_values import NO_BODY
from ..tenancy.principal import Caller, Principal
from ..text.json import to_json
from . import expanding, idempotency
from .permission import caller_by_token, permit_anywhere
from .request_log import traced

if TYPE_CHECKING:
    from ..app import App

Responder = Callable[..., None]
#: Number of retries after a conflict with a concurrent change.
_MOST_TRIES = 10


def guarded(app: "App", endpoint: Endpoint) -> Responder:
    """Return the responder that falcon routes to for `endpoint`."""
    operation = endpoint.operation
    http = app.settings.http
    protocol = endpoint.protocol
    limit = protocol.max_body_bytes or (http.max_import_bytes if operation.is_import else http.max_body_bytes)
    connected = app.database.connected if operation.on_database else nullcontext

    name = f"{endpoint.method} {address_of(protocol, endpoint.template)}"

    def respond(req: Request, resp: Response, **ids: str) -> None:
        if endpoint.writes and body.refuse_bad_framing(req, limit):
            body.refuse_other_types(req, protocol.media_types)
        with connected():
            caller = _identify(app, endpoint, req, resp, ids)
            if caller is None:
                with acting_as(_anonymous(req), req.request_id):
                    _proceed(app, endpoint, limit, (req, resp, ids))
                return
            noted = app.refusals.noted(app.database, endpoint, req, ids) if endpoint.writes else nullcontext()
            acting = acting_as(caller.actor(req.remote_addr), req.request_id, req.env.get("HTTP_TRACEPARENT"))
            with (
                organization_scope(caller.organization_id),
                acting,
                traced(app.spans, req, name),
                noted,
                app.limiter.slot(caller),
            ):
                permit_anywhere(app, endpoint, req)
                _proceed(app, endpoint, limit, (req, resp, ids))

    return respond


def _identify(app: "App", endpoint: Endpoint, req: Request, resp: Response, ids: dict[str, str]) -> Caller | None:
    """Authenticate the caller, and count the request."""
    caller = _caller(app, endpoint, req, ids)
    if caller is not None:
        req.caller = caller
    if not endpoint.operation.unlimited:
        resp.set_headers(app.limiter.check(caller, req.remote_addr))
    return caller


def _proceed(app: "App", endpoint: Endpoint, limit: int, request: tuple[Request, Response, dict[str, str]]) -> None:
    """Read the request, execute it, and render the response."""
    req, resp, ids = request
    raw = _sent(endpoint, req, limit) if endpoint.writes else NO_BODY
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


def _sent(endpoint: Endpoint, req: Request, limit: int) -> Any:
    read = body.read_raw if endpoint.protocol.raw else body.read_json
    return read(req, limit, endpoint.protocol.media_types)


def _anonymous(req: Request) -> Actor:
    return Actor("anonymous", None, "anonymous", req.remote_addr)


def _caller(app: "App", endpoint: Endpoint, req: Request, ids: dict[str, str]) -> Caller | None:
    """Return the principal, or the holder of the path's token; None for a public operation."""
    if endpoint.needs_caller:
        return _principal(app, endpoint, req, ids)
    return caller_by_token(app, endpoint, req, ids) if endpoint.by_token else None


def _principal(app: "App", endpoint: Endpoint, req: Request, ids: dict[str, str]) -> Principal:
    """Return the principal, in the organization that the path names, if any: other organizations stay invisible."""
    organization_id = ids.get("organization_id")
    try:
        principal = app.authenticator.authenticate(req, organization_id)
    except Refused as refused:
        app.limiter.check(None, req.remote_addr)  # guessing credentials is limited like requests without one
        raise (not_found() if organization_id and refused.code == "permission_denied" else refused) from None
    if principal.is_closing and endpoint.permission is not None and not endpoint.operation.while_closing:
        raise not_found() if organization_id else _closing()
    req.principal = principal
    app.organization_states.note_epoch(principal.organization_id, principal.authz_epoch)
    return principal


def _closing() -> Refused:
    message = "The organization is being deleted; until then, an owner can restore it. Choose another one of yours."
    return Refused("organization_closing", message)


def _checked(endpoint: Endpoint, raw: Any) -> Any:
    """Return the validated body, or the error to raise when its turn comes; done before a write takes the database."""
    if isinstance(raw, bytes):
        return raw
    try:
        if endpoint.body is not None:
            return schema.load(endpoint.body, raw, partial=endpoint.method == "PATCH")
        if raw is not NO_BODY:
            body.refuse_fields(raw)
    except Refused as refused:
        return refused
    return {}


def _write(app: "App", endpoint: Endpoint, sent: tuple[Any, Any], req: Request, resp: Response, ids: dict[str, str]) -> None:
    """Run it in a transaction; retry if the object was changed concurrently, unless the caller named a version."""
    if not endpoint.operation.transaction:
        _write_once(app, endpoint, sent, req, resp, ids)
        return
    for number in range(1, _MOST_TRIES + 1):
        try:
            with app.database.transaction():
                if number > 1:
                    app.database.lock(f"again {req.path}")  # requests that lost the race are serialized
                _write_once(app, endpoint, sent, req, resp, ids)
        except Refused as refused:
            if refused.code != "version_conflict" or number == _MOST_TRIES or req.get_header("If-Match") is not None:
                raise
            sent = sent[0], _checked(endpoint, sent[0])  # the values that were checked may have been completed meanwhile
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
        app.rights.refuse_archived(req.caller, endpoint.resource.node_of(req.target))
    req.body = checked
    resp.status = endpoint.operation.status
    endpoint.responder(req, resp, **ids)
    _render(app, endpoint, req, resp)


def _target(endpoint: Endpoint, req: Request, ids: dict[str, str]) -> Any:
    if not endpoint.has_target:
        return None
    target = endpoint.resource.find(req, **ids)
    if endpoint.permission is not None and target is not None:
        _permit_object(endpoint, req, target)
    elif endpoint.permission is not None:
        req.rights.require_at(endpoint.permission, None)
    if endpoint.writes:
        _match(req, target)
    return target


def _permit_object(endpoint: Endpoint, req: Request, target: Any) -> None:
    """Check the object's own permission; an object that the caller may not read is reported as nonexistent."""
    permission = endpoint.permission or ""
    if not endpoint.resource.allows(req, permission, target):
        if endpoint.resource.allows(req, f"{permission.partition(':')[0]}:read", target):
            raise endpoint.resource.denial(req, permission, target)
        raise not_found()


def _match(req: Request, target: Any) -> None:
    """Check ``If-Match`` against the object's version (RFC 9110, 13.1.1); no tag matches an object without one."""
    wanted = req.get_header("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    version = getattr(target, "version", None)
    if version is None:
        raise Refused("version_conflict", "This has no versions, so none matches; leave the header If-Match out, or send *.")
    if f'"{version}"' not in [tag.strip() for tag in wanted.split(",")]:
        message = "The object has changed since you read it; read it again and repeat the change."
        raise Refused("version_conflict", message, meta={"version": version})


def _render(app: "App", endpoint: Endpoint, req: Request, resp: Response) -> None:
    media = resp.media
    if resp.stream is not None or resp.data is not None:
        return
    message = endpoint.operation.bare.get(resp.status)  # type: ignore[arg-type]  # a text is none of its keys
    if message is not None:
        resp.data = success(b"{}", message)
        return
    if media is None and not endpoint.in_api:
        resp.data = (resp.text or "").encode()
        return
    if endpoint.has_version:
        version = media["version"] if isinstance(media, dict) else media.version
        tag = f'"{version}"'
        resp.set_header("ETag", tag)
        known = req.env.get("HTTP_IF_NONE_MATCH") if endpoint.method == "GET" else None
        if known is not None and (tag in known or known.strip() == "*") and not _is_expanded(endpoint, req):
            resp.status, resp.media = falcon.HTTP_304, None
            return
    if isinstance(media, Page) and (links := media.links(req.path, req.query_string)):
        resp.set_header("Link", links)
    data = to_json(_shown(app, endpoint, media, req))
    resp.content_type = falcon.MEDIA_JSON if endpoint.in_api else resp.content_type or falcon.MEDIA_JSON
    resp.data = success(data, resp.message or endpoint.operation.message) if endpoint.in_api else data
    resp.media = None


def _shown(app: "App", endpoint: Endpoint, media: Any, req: Request) -> Any:
    """Return the JSON value of a responder's result: a page, a record, a mapping, or a plain value where no schema is declared."""
    if endpoint.plan is None:
        return media
    plan = endpoint.plan.seen_by(req)
    if isinstance(media, Page):
        return {"items": _items(app, endpoint, plan, media, req), "pagination": media.pagination()}
    item = plan.item(media)
    if _is_expanded(endpoint, req):
        expanding.expand(app, endpoint, req, [item])
    return item


def _items(app: "App", endpoint: Endpoint, plan: Plan, page: Page, req: Request) -> list[Any]:
    items, only = plan.items(page.names, page.rows), req.query.get("fields") or ()
    if _is_expanded(endpoint, req):
        expanding.expand(app, endpoint, req, items)
        only = only and (*only, *req.query["expand"])
    return [{name: item[name] for name in only} for item in items] if only else items


def _is_expanded(endpoint: Endpoint, req: Request) -> bool:
    """Whether names are asked for, which change without the version of the object."""
    return bool(endpoint.references) and "expand" in req.query
