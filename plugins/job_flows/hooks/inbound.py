"""The webhook address: a verified request is stored before it is answered, and starts the flow once per delivery."""

from collections.abc import Mapping
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from aasim_core import Protocol, Refused, Request, Resource, Response, TokenCaller, operation
from aasim_core.context import SYSTEM, acting_as
from aasim_core.data.records import database_of, find
from aasim_core.http.operations import TOKEN
from aasim_core.ids import new_id
from aasim_core.schemas.json_values import fault_in
from aasim_core.secrets import Unreadable
from aasim_core.text.json import to_json

from ..models import ACTIVE, BY_HOOK, DISABLED, PENDING, SKIPPED, Firing, JobFlow
from ..recording import queue, record
from . import verifying

if TYPE_CHECKING:
    from aasim_core.app import App

_MOST_BYTES, _DEEPEST = 1_048_576, 32
_LONGEST_DELIVERY_ID, _MOST_HEADERS, _LONGEST_HEADER = 200, 50, 1_000
#: Headers that are never stored: credentials.
_LEFT_OUT = frozenset(("authorization", "cookie", "proxy-authorization", "webhook-signature"))


def _told(refused: Refused, request_id: str | None) -> tuple[int, Mapping[str, str], bytes]:
    """An error as JSON, for the log of the sender."""
    body = {"code": refused.code, "message": refused.message, "request_id": request_id}
    return refused.status, {"Content-Type": "application/json"}, to_json(body)


HOOKS = Protocol("/hooks", errors=_told, media_types=("*/*",), raw=True, max_body_bytes=_MOST_BYTES)


def new_token() -> str:
    """Return an unguessable token."""
    return token_urlsafe(32)


def digest_of(token: str) -> str:
    """What a token is recognised by."""
    return sha256(token.encode()).hexdigest()


def path_of(token: str) -> str:
    """The address of a token."""
    return f"{HOOKS.prefix}/{token}"


class Inbound(Resource):
    """What others send."""

    protocol = HOOKS
    paths: ClassVar[Mapping[str, str]] = {"": "/hooks/{token}"}

    def __init__(self, app: "App") -> None:
        self.app = app

    def caller(self, req: Request, **ids: str) -> TokenCaller | None:
        """Whose the token is; a flow that is disabled has no address."""
        flow: JobFlow | None = JobFlow.get_or_none(JobFlow.hook_digest == digest_of(ids["token"]), JobFlow.status != DISABLED)
        return TokenCaller(flow.organization_id, flow.id, flow.name) if flow is not None else None

    def find(self, req: Request, **ids: str) -> JobFlow:
        """The flow."""
        flow: JobFlow = find(JobFlow, req.caller.id)
        return flow

    @operation(TOKEN, status=202, message="Received.")
    def on_post(self, req: Request, resp: Response, token: str) -> None:
        """Start the flow with what was sent, if it can be trusted; another request with the same delivery id starts nothing."""
        flow, headers = req.target, {name.lower(): value for name, value in req.headers.items()}
        self._refuse_strange(flow, headers, req.body)
        payload = {"body": _body_of(req.body, headers.get("content-type", "")), "headers": _kept(headers, flow)}
        delivery_id = headers.get(flow.trigger["verification"]["delivery_header"].lower(), "")[:_LONGEST_DELIVERY_ID]
        is_new = _keep(flow, delivery_id or new_id("delivery"), payload)
        resp.media = {"duplicate": not is_new}

    def _refuse_strange(self, flow: JobFlow, headers: Mapping[str, str], body: bytes) -> None:
        secret = ""
        if flow.secret is not None:
            try:
                secret = self.app.keyring.open(flow.secret, JobFlow.secret.place(flow.id, flow.organization_id)).reveal()
            except Unreadable as error:
                raise Refused(
                    "unavailable", "The secret of this address cannot be read; its owner has to write it again."
                ) from error
        seconds = self.app.database.time().timestamp()
        if flaw := verifying.flaw_in(flow.trigger["verification"], secret, headers, body, seconds):
            raise Refused("permission_denied", flaw)


def _keep(flow: JobFlow, delivery_id: str, payload: Mapping[str, Any]) -> bool:
    """Write the firing of a delivery, unless there is one."""
    database = database_of(Firing)
    database.lock(f"job_flows/hook/{flow.id}/{delivery_id}")
    if Firing.select().where(Firing.flow_id == flow.id, Firing.key == delivery_id).exists():
        return False
    at, is_active = database.time(), flow.status == ACTIVE
    firing = Firing(
        organization_id=flow.organization_id, flow_id=flow.id, key=delivery_id, origin=BY_HOOK, due_at=at, starts_at=at,
        outcome=PENDING if is_active else SKIPPED, reason=None if is_active else flow.status, payload=dict(payload) if is_active else None,
    )  # fmt: skip
    with acting_as(SYSTEM):
        queue(record(flow.id, [firing]))
    return True


def _body_of(body: bytes, content_type: str) -> Any:
    """The body as expressions see it: the JSON value that it is, or text. Refused ``malformed_json``."""
    message = "The body is not what its Content-Type says; send JSON as application/json, or text in UTF-8."
    try:
        value = orjson.loads(body) if "json" in content_type.lower() else body.decode()
    except ValueError as error:
        raise Refused("malformed_json", message) from error
    if (fault := fault_in(value, max_depth=_DEEPEST)) is not None:
        raise Refused(fault[1].code, fault[1].message)
    return value


def _kept(headers: Mapping[str, str], flow: JobFlow) -> dict[str, str]:
    """The headers that expressions see: all but credentials, and those that are very long."""
    out = _LEFT_OUT | {flow.trigger["verification"].get("header", "").lower()}
    seen = {name: value for name, value in headers.items() if name not in out and len(value) <= _LONGEST_HEADER}
    return dict(list(seen.items())[:_MOST_HEADERS])
