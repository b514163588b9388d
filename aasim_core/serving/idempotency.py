"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): a retried POST returns the first response and has no further effect.

The response is stored in the transaction of its change, so neither exists without the other; one that is completed after the commit is then
stored again. An operation with its own transactions claims its key first and stores its response last; if its process dies in between, the
claim expires after some minutes, and the request can be retried. Failed requests are not stored, and can be retried under the same key.
Responses are encrypted, because some show a secret for the only time.

An authenticated caller's keys are scoped to them in their organization. Anonymous callers are distinguished by their network and the body:
only a request with the same body, including its password or token, gets the stored response.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import falcon
import orjson
import peewee
import structlog

from ..clock import now
from ..context import EVERY_ORGANIZATION, current_organization, system_scope
from ..data.compiled import compiled
from ..data.fields import IdField, InstantField, JsonField
from ..data.records import Row, database_of, insert_rows
from ..data.statements import Bind
from ..errors import Refused
from ..http.rate_limits import network_of
from ..http.request import Request, Response
from ..jobs.declarations import Job
from ..schemas.json_values import NO_BODY
from ..secrets import Place, Secret

if TYPE_CHECKING:
    from ..app import App
    from ..http.operations import Endpoint
    from ..jobs.context import JobContext

#: Lifetime of the claim of an interrupted request; no request takes as long.
CLAIM = timedelta(minutes=2)
_HEADERS = ("content-type", "etag", "location", "preference-applied", "retry-after")
_KEY = re.compile("[!-~]{1,200}")
_ROWS_AT_ONCE = 500
_PURPOSE = "idempotency"
#: The status of a claim, while there is no response.
_RUNNING = 0
_log = structlog.get_logger("aasim.idempotency")


class Idempotency(Row):
    """A stored response, or the claim of a running request; `id` is the digest of the sender, the route and the key."""

    id = IdField(primary_key=True)
    organization_id = IdField()
    principal_id = IdField()
    method = peewee.TextField()
    route = peewee.TextField()
    payload = peewee.TextField()
    status = peewee.BigIntegerField()
    headers = JsonField()
    body = peewee.TextField()
    expires_at = InstantField(index=True)

    class Meta:
        table_name = "core_idempotency"
        internal = True


@dataclass(frozen=True)
class _Asked:
    """A request under a key: its sender, its content and digest, and the row of its response."""

    app: "App"
    endpoint: "Endpoint"
    organization_id: str
    principal_id: str
    sent: bytes
    payload: str
    row_id: str

    def is_of(self, payload: str) -> bool:
        return self.app.keyring.verify(_PURPOSE, self.sent, bytes.fromhex(payload))

    def scope(self) -> AbstractContextManager[None]:
        if self.organization_id != EVERY_ORGANIZATION:
            return nullcontext()
        return system_scope("keep the answer to a caller that nobody knows")


@contextmanager
def once(app: "App", endpoint: "Endpoint", raw: Any, req: Request, resp: Response) -> Iterator[bool]:
    """Inside the request's transaction: yield True when `resp` is the stored response already; otherwise store the new one.

    Only a POST with an ``Idempotency-Key`` is affected. `raw` is the JSON value of the body, or its bytes. Raises Refused: 400 for a
    malformed key, 422 for a different request under the same key, 409 while the first one is running.
    """
    asked = _asked(app, endpoint, raw, req)
    if asked is None:
        yield False
        return
    replayed = _replayed(asked, resp)
    yield replayed
    if not replayed:
        _keep(asked, resp)


@contextmanager
def once_outside(app: "App", endpoint: "Endpoint", raw: Any, req: Request, resp: Response) -> Iterator[bool]:
    """Like `once`, for an operation with its own transactions: the key is claimed before it, and the response stored after it."""
    asked = _asked(app, endpoint, raw, req)
    if asked is None:
        yield False
        return
    claim = token_hex(16)
    # Durable, since a stored response may be so recent that it is not on disk yet.
    with app.database.transaction():
        replayed = _replayed(asked, resp)
        if not replayed:
            _insert(asked, _RUNNING, {}, claim, now() + CLAIM)
    if replayed:
        yield True
        return
    try:
        yield False
    except BaseException:
        _end_claim(asked, claim, None)
        raise
    _end_claim(asked, claim, resp)


def pruning_job() -> Job:
    """The job that deletes expired responses."""
    return Job("core.prune_idempotency", prune, schedule="7 * * * *")


def prune(context: "JobContext", payload: Mapping[str, Any]) -> None:
    """Delete expired responses, in batches small enough not to block others."""
    moment = now()
    while not context.should_stop() and _prune_batch(moment) == _ROWS_AT_ONCE:
        pass


def _prune_batch(moment: datetime) -> int:
    old = Idempotency.select(Idempotency.id).where(Idempotency.expires_at <= moment).limit(_ROWS_AT_ONCE)
    with database_of(Idempotency).transaction():
        return int(Idempotency.delete().where(Idempotency.id.in_(old)).execute())


def _asked(app: "App", endpoint: "Endpoint", raw: Any, req: Request) -> _Asked | None:
    key = req.get_header("Idempotency-Key") if endpoint.method == "POST" else None
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        message = "Write 1 to 200 visible ASCII characters, such as a UUID."
        raise Refused("invalid_parameter", message, field="Idempotency-Key")
    caller, sent = getattr(req, "caller", None), orjson.dumps([req.path, req.query_string, _canonical(raw)])
    # Keyed, since a plain digest of a body with a password would allow guessing it from the table.
    payload = app.keyring.sign(_PURPOSE, sent).hex()
    owner_id = network_of(req.remote_addr) if caller is None else caller.id
    owner = EVERY_ORGANIZATION if caller is None else current_organization(), owner_id
    row_id = _digest(*owner, endpoint.method, endpoint.template, key, *([payload] if caller is None else []))
    return _Asked(app, endpoint, *owner, sent, payload, row_id)


def _replayed(asked: _Asked, resp: Response) -> bool:
    """Return whether a response is stored, which is then in `resp`."""
    with asked.scope():
        # Held until the first request's response is committed or rolled back.
        if not database_of(Idempotency).try_lock(f"idempotency/{asked.row_id}"):
            raise _in_progress()
        kept = _kept(asked.row_id)
    if kept is None:
        return False
    if not asked.is_of(kept.payload):
        message = "This key was used for another request; use a new key for each."
        raise Refused("idempotency_key_reused", message, field="Idempotency-Key")
    if kept.status == _RUNNING:
        raise _in_progress()
    resp.status = kept.status
    resp.set_headers(kept.headers)
    resp.set_header("Idempotency-Replayed", "true")
    resp.data = asked.app.keyring.open(kept.body, _place(asked)).reveal().encode()
    return True


def _in_progress() -> Refused:
    message = "The first request with this key still runs; wait and send it again."
    return Refused("idempotency_in_progress", message, retry_after=1)


def _kept(row_id: str) -> Idempotency | None:
    row = _kept_row.one(id=row_id)
    if row is None:
        return None
    fields = Idempotency._meta.sorted_fields
    kept = Idempotency(**{field.name: field.python_value(value) for field, value in zip(fields, row, strict=True)})
    if kept.expires_at <= now():
        Idempotency.delete().where(Idempotency.id == row_id).execute()
        return None
    return kept


@compiled(Idempotency)
def _kept_row() -> Any:
    return Idempotency.select(*Idempotency._meta.sorted_fields).where(Idempotency.id == Bind("id"))


def _keep(asked: _Asked, resp: Response) -> None:
    if resp.stream is not None:
        return  # a streamed response cannot be repeated
    _insert(asked, *_answer(asked, resp), now() + timedelta(seconds=asked.endpoint.operation.keep_seconds))
    if resp.finish is not None:
        resp.finish = partial(_finish, asked, resp, resp.finish)


def _finish(asked: _Asked, resp: Response, finish: Callable[[], None]) -> None:
    """Complete the response, and store it in that form; the change stands even if this fails."""
    unfinished = resp.data
    finish()
    if resp.data is unfinished:
        return
    status, headers, body = _answer(asked, resp)
    try:
        # Without waiting for the disk: after a power failure that undoes it, the earlier response remains.
        with asked.app.database.transaction(durable=False), asked.scope():
            Idempotency.update(status=status, headers=headers, body=body).where(Idempotency.id == asked.row_id).execute()
    except peewee.PeeweeException as error:
        _tell_lost(error)


def _answer(asked: _Asked, resp: Response) -> tuple[int, dict[str, str], str]:
    """The status, the headers and the sealed body."""
    headers = {name: value for name in _HEADERS if (value := resp.get_header(name)) is not None}
    body = asked.app.keyring.seal(Secret((resp.data or b"").decode()), _place(asked))
    return falcon.http_status_to_code(resp.status), headers, body


def _tell_lost(error: Exception) -> None:
    _log.warning("the answer for an idempotency key could not be kept", reason=type(error).__name__)


def _insert(asked: _Asked, status: int, headers: Mapping[str, str], body: str, expires_at: datetime) -> None:
    row = Idempotency(
        id=asked.row_id,
        organization_id=asked.organization_id,
        principal_id=asked.principal_id,
        method=asked.endpoint.method,
        route=asked.endpoint.template,
        payload=asked.payload,
        status=status,
        headers=headers,
        body=body,
        expires_at=expires_at,
    )
    with asked.scope():
        insert_rows(Idempotency, [row.row()])


def _end_claim(asked: _Asked, claim: str, resp: Response | None) -> None:
    """Store the response in place of the claim, or nothing if there is none; the change stands even if this fails."""
    mine = (Idempotency.id == asked.row_id) & (Idempotency.status == _RUNNING) & (Idempotency.body == claim)
    try:
        with asked.app.database.transaction():
            with asked.scope():
                is_mine = Idempotency.delete().where(mine).execute()
            if is_mine and resp is not None:
                _keep(asked, resp)
    except peewee.PeeweeException as error:
        _tell_lost(error)


def _place(asked: _Asked) -> Place:
    return Place("core_idempotency", "body", asked.organization_id, asked.row_id)


def _canonical(raw: Any) -> str:
    if isinstance(raw, bytes):
        return sha256(raw).hexdigest()
    return "" if raw is NO_BODY else orjson.dumps(raw, option=orjson.OPT_SORT_KEYS).decode()


def _digest(*parts: str) -> str:
    return sha256(orjson.dumps(parts)).hexdigest()
