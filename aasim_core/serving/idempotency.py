"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): a POST that is sent again is answered again, and done once.

The answer is kept in the transaction of what it reports, so there is never one without the other; one that is finished after the
commit is kept anew then. An operation with transactions of its own claims its key first and keeps its answer last; should its process
die in between, the claim ends after some minutes, and the request can be sent again. A request that fails leaves nothing, and can be
sent again under the same key. Answers are sealed, because some show a secret for the only time.

A known caller's keys are theirs in their organization. Callers that nobody knows are told apart by their network and by what they
send: only who sends the same body, with the password or token in it, is given the answer to it.
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

#: How long a claim holds whose request does not come to an end; none takes as long.
CLAIM = timedelta(minutes=2)
_HEADERS = ("content-type", "etag", "location", "preference-applied", "retry-after")
_KEY = re.compile("[!-~]{1,200}")
_ROWS_AT_ONCE = 500
_PURPOSE = "idempotency"
#: Stands where a status does, as long as there is none.
_RUNNING = 0
_log = structlog.get_logger("aasim.idempotency")


class Idempotency(Row):
    """The answer to one request, or the claim of one that runs; `id` is the digest of who sent it, where to, and under which key."""

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
    """A request under a key: whose it is, what was sent and the digest of that, and the row where its answer is kept."""

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
    """Inside the request's transaction: yield True when `resp` is the kept answer already, and otherwise keep the answer made.

    Only a POST with an ``Idempotency-Key`` is concerned. `raw` is the JSON value of the body, or its bytes. Raises Refused: 400 for
    a malformed key, 422 for another request under the same key, 409 while the first one still runs.
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
    """As `once`, for an operation that has transactions of its own: the key is claimed before it, and the answer kept after it."""
    asked = _asked(app, endpoint, raw, req)
    if asked is None:
        yield False
        return
    claim = token_hex(16)
    # Durable, since an answer that is there may be so new that the disk does not have it yet.
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
    """The job that deletes the answers whose time is over."""
    return Job("core.prune_idempotency", prune, schedule="7 * * * *")


def prune(context: "JobContext", payload: Mapping[str, Any]) -> None:
    """Delete what is over, in batches so small that nobody waits for them."""
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
    # Keyed, since a plain digest of a body that holds a password could be guessed at by whoever reads the table.
    payload = app.keyring.sign(_PURPOSE, sent).hex()
    owner_id = network_of(req.remote_addr) if caller is None else caller.id
    owner = EVERY_ORGANIZATION if caller is None else current_organization(), owner_id
    row_id = _digest(*owner, endpoint.method, endpoint.template, key, *([payload] if caller is None else []))
    return _Asked(app, endpoint, *owner, sent, payload, row_id)


def _replayed(asked: _Asked, resp: Response) -> bool:
    """Whether there is an answer already, which is then in `resp`."""
    with asked.scope():
        # Held until the first request's answer is committed, or is not.
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
        return  # what is sent in pieces cannot be sent again
    _insert(asked, *_answer(asked, resp), now() + timedelta(seconds=asked.endpoint.operation.keep_seconds))
    if resp.finish is not None:
        resp.finish = partial(_finish, asked, resp, resp.finish)


def _finish(asked: _Asked, resp: Response, finish: Callable[[], None]) -> None:
    """Finish the answer, and keep it as it is then; what was done is done, also when that fails."""
    unfinished = resp.data
    finish()
    if resp.data is unfinished:
        return
    status, headers, body = _answer(asked, resp)
    try:
        # Without waiting for the disk: a loss of power that undoes it leaves the answer that came first.
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
    """Keep the answer in place of the claim, or nothing if there is none; what was done is done, also when that fails."""
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
