"""The webhook address: a verified request is stored before it is answered, and starts the flow once per delivery."""

from collections.abc import Mapping
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from aasim_core import Protocol, Refused, Request, Resource, Response, TokenCaller, operation
from aasim_core.context import current_organization
from aasim_core.data.records import database_of, find
from aasim_core.http.operations import TOKEN
from aasim_core.ids import new_id
from aasim_core.schemas.json_values import fault_in
from aasim_core.secrets import Unreadable
from aasim_core.text.json import to_json

from ...executions.service import QUEUE_FULL
from ..firings.causes import cause_of_request, write_caused
from ..models import ACTIVE, BY_HOOK, DISABLED, PENDING, SKIPPED, WAITING, Firing, JobFlow
from ..settings import settings_of
from . import verifying

if TYPE_CHECKING:
    from aasim_core.app import App

_MOST_BYTES, _DEEPEST = 1_048_576, 32
#: Headers that are kept, besides that with the delivery's id and those that the trigger names, and how long one may be.
_KEPT, _LONGEST_HEADER = ("content-type", "user-agent"), 1_000
#: When a sender may try again whose request would have to wait.
_RETRY_SECONDS = 30


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
        """Start the flow with what was sent, if it can be trusted; a repeated delivery starts nothing."""
        flow, headers = req.target, {name.lower(): value for name, value in req.headers.items()}
        self._refuse_strange(flow, headers, req.body)
        payload = {"body": _body_of(req.body, headers.get("content-type", "")), "headers": _kept(headers, flow)}
        key = verifying.key_of(flow.trigger["verification"], headers, req.body) or new_id("delivery")
        resp.media = {"duplicate": not self._keep(req, flow, key, payload)}

    def _keep(self, req: Request, flow: JobFlow, key: str, payload: Mapping[str, Any]) -> bool:
        """Write the firing of a delivery, unless there is one; Refused where too many wait already."""
        database = database_of(Firing)
        database.lock(f"job_flows/hook/{flow.id}/{key}")
        if Firing.select().where(Firing.flow_id == flow.id, Firing.key == key).exists():
            return False
        refuse_too_many(self.app)
        at, is_active = database.time(), flow.status == ACTIVE
        firing = Firing(
            organization_id=flow.organization_id, flow_id=flow.id, key=key, origin=BY_HOOK, due_at=at, starts_at=at,
            outcome=PENDING if is_active else SKIPPED, reason=None if is_active else flow.status, payload=dict(payload),
        )  # fmt: skip
        write_caused(self.app, flow, firing, cause_of_request(self.app, req.request_id))
        return True

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


def refuse_too_many(app: "App") -> None:
    """Refused while the organization has as many waiting firings as may be, before a request is taken."""
    limit = settings_of(app).waiting_limit
    if Firing.select(Firing.id).where(WAITING).offset(limit - 1).limit(1).exists():
        meta = {
            "limit": "waiting_starts", "scope": "organization", "scope_id": current_organization(), "used": limit, "max": limit,
            "resets_at": None,
        }  # fmt: skip
        message = f"{limit} starts of job flows are waiting already; send this again later."
        raise Refused(QUEUE_FULL, message, meta=meta, retry_after=_RETRY_SECONDS)


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
    """The headers that expressions see."""
    verification = flow.trigger["verification"]
    names = {*_KEPT, verification["delivery_header"].lower(), *flow.trigger["headers"]} - verifying.credentials(verification)
    return {name: headers[name] for name in sorted(names & headers.keys()) if len(headers[name]) <= _LONGEST_HEADER}
