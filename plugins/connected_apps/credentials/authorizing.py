"""The OAuth authorization of an app by a person: the redirect to the provider, and the callback."""

import hmac
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from aasim_core.clock import now
from aasim_core.context import current_organization, organization_scope
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.jobs.queue import enqueue
from aasim_core.outbound.mail import address_of
from aasim_core.secrets import Secret, Unreadable
from aasim_core.text import base64url

from ..connecting import PASSING, AppError, Authorization, Connection
from ..models import REVOKED, ConnectedApp, PendingAuthorization
from ..registry import connector_of
from .app_status import note_failure, open_connection, store_tokens
from .vault import hiding

if TYPE_CHECKING:
    from aasim_core.app import App

CALLBACK = "/connected-apps/callback"
#: How long a person may take at the provider.
_MINUTES = 10
_EXCHANGE_SECONDS = 20.0
_PURPOSE = "connected_apps state"


def redirect_uri(app: "App") -> str:
    """Where providers send people back to; it is registered with them."""
    return f"{address_of(app.settings)}/api/v1{CALLBACK}"


def begin(app: "App", row: ConnectedApp, user_id: str) -> tuple[str, datetime]:
    """Return the address for the person, and its expiry; earlier authorizations of the app become invalid.

    Needs a transaction. Refused ``invalid_state`` for an app that is not connected in this way.
    """
    try:
        authorization = _authorization(app, row)
        connection = open_connection(app, row, _EXCHANGE_SECONDS)
    except AppError as error:
        raise Refused("invalid_state", f"{error.message[0].upper()}{error.message[1:]}.") from error
    PendingAuthorization.delete().where(PendingAuthorization.app_id == row.id).execute()
    nonce, verifier = token_urlsafe(24), token_urlsafe(48)
    pending = PendingAuthorization(
        app_id=row.id, user_id=user_id, nonce_digest=_digest(nonce), expires_at=now() + timedelta(minutes=_MINUTES)
    )
    pending.verifier = app.keyring.seal(
        Secret(verifier), PendingAuthorization.verifier.place(pending.id, pending.organization_id)
    )
    records.insert(pending)
    emit("connected_apps.authorization_started", row)
    url = authorization.url(connection, redirect_uri(app), _state(app, pending.id, nonce), verifier)
    return url, pending.expires_at


def take_answer(app: "App", state: str, code: str | None, error: str | None) -> None:
    """Take what the provider sent the person back with, and have it made into tokens.

    Refused ``invalid_parameter`` for a state that is not ours, too old, or answered in another way.
    """
    organization_id, pending_id, nonce = _parts(app, state)
    with organization_scope(organization_id), app.database.transaction():
        pending: PendingAuthorization | None = records.find_or_none(PendingAuthorization, pending_id)
        if pending is None or pending.nonce_digest != _digest(nonce) or pending.expires_at <= now():
            raise _bad_state()
        row: ConnectedApp = records.find(ConnectedApp, pending.app_id)
        digest = _digest(f"code {code}" if code else f"error {error}")
        if pending.code_digest is None:
            _keep_answer(app, row, pending, code, digest)
        elif not hmac.compare_digest(pending.code_digest, digest):
            raise _bad_state()
        if code is None:
            _tell_denial(app, row, error)


def exchange(app: "App", pending_id: str) -> None:
    """Exchange the returned code for tokens; raises `AppError` for a temporary failure, and records a permanent one in the app."""
    pending: PendingAuthorization | None = records.find_or_none(PendingAuthorization, pending_id)
    row: ConnectedApp | None = records.find_or_none(ConnectedApp, pending.app_id) if pending is not None else None
    if pending is None or row is None or pending.code is None or pending.expires_at <= now() or row.status == REVOKED:
        return
    try:
        code, verifier = _opened(app, pending)
        connection, authorization = open_connection(app, row, _EXCHANGE_SECONDS), _authorization(app, row)
        with hiding(connection), hiding(_of_the_answer(connection, code, verifier)):
            tokens = authorization.exchange(connection, redirect_uri(app), code, verifier)
    except AppError as error:
        note_failure(app, row, AppError(error.code, error.message))
        if error.code in PASSING:
            raise
        return
    with app.database.transaction():
        connected = store_tokens(app, row, connection, tokens)
        if connected is not None:
            records.compare_and_set(pending, {}, {"code": None, "verifier": None})
            emit("connected_apps.authorized", connected)


def _authorization(app: "App", row: ConnectedApp) -> Authorization:
    authorization = connector_of(app, row.provider).authorization
    if authorization is None or not authorization.applies(row.config) or row.status == REVOKED:
        raise AppError(
            "not_connected", "nobody can allow this app to be used; only those with an authorization code are authorized"
        )
    return authorization


def _keep_answer(app: "App", row: ConnectedApp, pending: PendingAuthorization, code: str | None, digest: str) -> None:
    sealed = None
    if code is not None:
        sealed = app.keyring.seal(Secret(code), PendingAuthorization.code.place(pending.id, pending.organization_id))
        enqueue("connected_apps.exchange", {"authorization_id": pending.id}, unique_key=pending.id)
    records.compare_and_set(pending, {"code_digest": None}, {"code": sealed, "code_digest": digest})


def _tell_denial(app: "App", row: ConnectedApp, error: str | None) -> None:
    shown = error if error and error.replace("_", "").isalnum() and error.isascii() else "no reason"
    note_failure(app, row, AppError("refused", f"the provider did not allow it: {shown[:60]}"))


def _opened(app: "App", pending: PendingAuthorization) -> tuple[str, str]:
    try:
        return (
            app.keyring.open(pending.code, PendingAuthorization.code.place(pending.id, pending.organization_id)).reveal(),
            app.keyring.open(pending.verifier, PendingAuthorization.verifier.place(pending.id, pending.organization_id)).reveal(),
        )
    except Unreadable as error:
        raise AppError("auth", "what the provider answered cannot be read any more; authorize the app again") from error


def _of_the_answer(connection: Connection, code: str, verifier: str) -> Connection:
    """A connection whose secrets are the code and the verifier, to mask them: they are valid until they are exchanged."""
    return replace(connection, credentials={"code": Secret(code), "verifier": Secret(verifier)}, shown=frozenset())


def _state(app: "App", pending_id: str, nonce: str) -> str:
    content = f"{current_organization()}.{pending_id}.{nonce}"
    return f"{content}.{base64url.encode(app.keyring.sign(_PURPOSE, content.encode()))}"


def _parts(app: "App", state: str) -> tuple[str, str, str]:
    content, _, tag = state.rpartition(".")
    try:
        is_ours = app.keyring.verify(_PURPOSE, content.encode(), base64url.decode(tag))
        organization_id, pending_id, nonce = content.split(".")
    except ValueError:
        raise _bad_state() from None
    if not is_ours or not is_id(pending_id, "cappauth"):
        raise _bad_state()
    return organization_id, pending_id, nonce


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _bad_state() -> Refused:
    message = "This answer belongs to no authorization that is under way; authorize the app again."
    return Refused("invalid_parameter", message, field="state")
