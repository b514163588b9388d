"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): a POST that is sent again is answered again, and done once.

The answer is kept for 24 hours in the transaction of what it reports, so there is never one without the other. A request that
fails leaves nothing, and can be sent again under the same key. Answers are sealed, because some show a secret for the only time.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import falcon
import orjson
import peewee

from ..clock import now
from ..context import current_organization
from ..data.fields import IdField, InstantField, JsonField
from ..data.postgres import PostgresDatabase
from ..data.records import Row, database_of, insert_rows
from ..data.statements import Bind
from ..errors import Refused
from ..jobs.declarations import Job
from ..secrets import Place, Secret
from .request import Request, Response
from .values import NO_BODY

if TYPE_CHECKING:
    from ..app import App
    from ..jobs.context import JobContext
    from .operations import Endpoint

KEEP = timedelta(hours=24)
_HEADERS = ("content-type", "etag", "location", "preference-applied", "retry-after")
_KEY = re.compile("[!-~]{1,200}")
_ROWS_AT_ONCE = 500
_PURPOSE = "idempotency"


class Idempotency(Row):
    """The answer to one request; `id` is the digest of who sent it, where to, and under which key."""

    id = IdField(primary_key=True)
    organization_id = IdField(default=current_organization)
    principal_id = IdField()
    method = peewee.TextField()
    route = peewee.TextField()
    payload = peewee.TextField()
    status = peewee.BigIntegerField()
    headers = JsonField()
    body = peewee.TextField()
    created_at = InstantField(default=now, index=True)

    class Meta:
        table_name = "core_idempotency"


@contextmanager
def once(app: "App", endpoint: "Endpoint", raw: Any, req: Request, resp: Response) -> Iterator[bool]:
    """Inside the request's transaction: yield True when `resp` is the kept answer already, and otherwise keep the answer made.

    Only a POST of an authenticated caller with an ``Idempotency-Key`` is concerned. `raw` is the JSON value of the body.
    Raises Refused: 400 for a malformed key, 422 for another request under the same key, 409 while the first one still runs.
    """
    key = req.get_header("Idempotency-Key") if endpoint.method == "POST" else None
    principal = getattr(req, "principal", None)
    if key is None or principal is None:
        yield False
        return
    if not _KEY.fullmatch(key):
        message = "Write 1 to 200 visible ASCII characters, such as a UUID."
        raise Refused("invalid_parameter", message, field="Idempotency-Key")
    owner = (current_organization(), principal.id, endpoint.method, endpoint.template)
    row_id, sent = _digest(*owner, key), orjson.dumps([req.path, req.query_string, _canonical(raw)])
    _refuse_while_running(row_id)
    kept = _kept(row_id)
    if kept is not None:
        _replay(app, kept, sent, resp)
        yield True
        return
    yield False
    # Keyed, since a plain digest of a body that holds a password could be guessed at by whoever reads the table.
    _keep(app, row_id, owner, app.keyring.sign(_PURPOSE, sent).hex(), resp)


def pruning_job() -> Job:
    """The job that deletes the answers whose time is over."""
    return Job("core.prune_idempotency", prune, schedule="7 * * * *")


def prune(context: "JobContext", payload: Mapping[str, Any]) -> None:
    """Delete what is older than `KEEP`, in batches so small that nobody waits for them."""
    before = now() - KEEP
    while not context.should_stop() and _prune_batch(before) == _ROWS_AT_ONCE:
        pass


def _prune_batch(before: datetime) -> int:
    old = Idempotency.select(Idempotency.id).where(Idempotency.created_at < before).limit(_ROWS_AT_ONCE)
    with database_of(Idempotency).transaction():
        return int(Idempotency.delete().where(Idempotency.id.in_(old)).execute())


def _refuse_while_running(row_id: str) -> None:
    """On PostgreSQL two requests can run at once; the lock is held until the first one's answer is committed, or is not.

    On SQLite writers take turns, so the second one starts when the first one's answer is there.
    """
    database = database_of(Idempotency)
    if isinstance(database, PostgresDatabase):
        number = int.from_bytes(bytes.fromhex(row_id)[:8], "big", signed=True)
        (locked,) = database.execute_sql("SELECT pg_try_advisory_xact_lock(%s)", (number,)).fetchone()
        if not locked:
            message = "The first request with this key still runs; wait and send it again."
            raise Refused("idempotency_in_progress", message, retry_after=1)


def _kept(row_id: str) -> Idempotency | None:
    database = database_of(Idempotency)
    row = database.statement("kept answer", _query).run(database, {"id": row_id}).fetchone()
    if row is None:
        return None
    fields = Idempotency._meta.sorted_fields
    kept = Idempotency(**{field.name: field.python_value(value) for field, value in zip(fields, row, strict=True)})
    if kept.created_at < now() - KEEP:
        Idempotency.delete().where(Idempotency.id == row_id).execute()
        return None
    return kept


def _query() -> Any:
    return Idempotency.select(*Idempotency._meta.sorted_fields).where(Idempotency.id == Bind("id"))


def _replay(app: "App", kept: Idempotency, sent: bytes, resp: Response) -> None:
    if not app.keyring.verify(_PURPOSE, sent, bytes.fromhex(kept.payload)):
        message = "This key was used for another request; use a new key for each."
        raise Refused("idempotency_key_reused", message, field="Idempotency-Key")
    resp.status = kept.status
    resp.set_headers(kept.headers)
    resp.set_header("Idempotency-Replayed", "true")
    resp.data = app.keyring.open(kept.body, _place(kept.id, kept.organization_id)).reveal().encode()


def _keep(app: "App", row_id: str, owner: tuple[str, str, str, str], payload: str, resp: Response) -> None:
    if resp.stream is not None:
        return  # what is sent in pieces cannot be sent again
    organization_id, principal_id, method, route = owner
    answer = Idempotency(
        id=row_id,
        organization_id=organization_id,
        principal_id=principal_id,
        method=method,
        route=route,
        payload=payload,
        status=falcon.http_status_to_code(resp.status),
        headers={name: value for name in _HEADERS if (value := resp.get_header(name)) is not None},
        body=app.keyring.seal(Secret((resp.data or b"").decode()), _place(row_id, organization_id)),
        created_at=now(),
    )
    insert_rows(Idempotency, [answer.row()])


def _place(row_id: str, organization_id: str) -> Place:
    return Place("core_idempotency", "body", organization_id, row_id)


def _canonical(raw: Any) -> str:
    return "" if raw is NO_BODY else orjson.dumps(raw, option=orjson.OPT_SORT_KEYS).decode()


def _digest(*parts: str) -> str:
    return sha256(orjson.dumps(parts)).hexdigest()
