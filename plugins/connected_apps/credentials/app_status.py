"""The status of an app, as its calls, tests and tokens show it, and the status events."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now, to_text
from aasim_core.data import records
from aasim_core.events.log import emit
from aasim_core.jobs.queue import enqueue
from aasim_core.secrets import Unreadable

from ..connecting import AppError, Connection, Tokens
from ..models import CONNECTED, ERROR, EXPIRING, NEEDS_REAUTH, REVOKED, ConnectedApp
from .vault import opened, sealed

if TYPE_CHECKING:
    from aasim_core.app import App

#: New tokens are fetched once this share of the old ones' life is over.
_REFRESH_AT = 0.8
#: Tokens that live for less are renewed when they are used: a provider that gives such tokens is not asked all the time.
_SOONEST = timedelta(seconds=30)
#: What says something about the app rather than about the call.
_OF_THE_APP = ("not_allowed", "unavailable", "timeout")
_UNREADABLE = "the secret of the app cannot be read; write its credentials again"


def open_connection(app: "App", row: ConnectedApp, seconds: float) -> Connection:
    """Return the connector's context for one call; an app whose secret cannot be read is marked as to be reconnected."""
    try:
        return opened(app, row, seconds)
    except Unreadable as error:
        lost = AppError("auth", _UNREADABLE, is_final=True)
        note_failure(app, row, lost)
        raise lost from error


def note_success(row: ConnectedApp) -> None:
    """The app answered, so that it is well again. Needs a transaction."""
    current = _current(row) if row.status == ERROR else None
    if current is not None and current.status == ERROR:
        _write(current, {"status": CONNECTED, "last_error": None})


def note_failure(app: "App", row: ConnectedApp, error: AppError) -> None:
    """Record that the app failed; joins the running transaction, if there is one.

    `row` is the app as of the call: errors about a secret that was changed meanwhile are ignored. The service's text is not stored: it may
    repeat one member's input to others.
    """
    with app.database.transaction():
        current = _current(row)
        if current is None or error.code == "changed" or (error.code == "auth" and current.generation != row.generation):
            return
        told = {"code": error.code, "message": error.summary[:500], "occurred_at": to_text(now())}
        if error.code == "auth" and error.is_final:
            _need_reauth(current, told)
        elif error.code in _OF_THE_APP and current.status in (CONNECTED, ERROR):
            _write(current, {"status": ERROR, "last_error": told})
        else:
            records.compare_and_set(current, {}, {"last_error": told})


def store_tokens(app: "App", row: ConnectedApp, connection: Connection, tokens: Tokens) -> ConnectedApp | None:
    """Keep new tokens, and have them renewed in time; None where others changed the app's secret meanwhile. Needs a transaction."""
    current, moment = _current(row), now()
    if current is None:
        return None
    refresh_at = _refresh_at(moment, tokens.expires_at)
    scopes = current.scopes if tokens.scopes is None else list(tokens.scopes)
    values = {
        "secret": sealed(app, row, connection.credentials, tokens), "generation": row.generation + 1, "status": CONNECTED,
        "expires_at": tokens.expires_at, "refresh_at": refresh_at, "refreshed_at": moment, "refreshing_until": None,
        "last_error": None, "scopes": scopes,
    }  # fmt: skip
    if not _write(current, values, {"generation": row.generation}):
        return None
    if refresh_at is not None:
        enqueue("connected_apps.renew", {"app_id": row.id}, run_at=refresh_at, unique_key=row.id)
    return current


def note_ending(row: ConnectedApp) -> None:
    """Announce that the tokens, which only a person can renew, will expire, and later that they have.

    Needs a transaction, in which the row was read.
    """
    if row.expires_at is None or row.expires_at <= now():
        told = {
            "code": "auth",
            "message": "the token has ended, and cannot be renewed without a person",
            "occurred_at": to_text(now()),
        }
        _need_reauth(row, told)
        return
    if row.status == CONNECTED:
        _write(row, {"status": EXPIRING})
        emit("connected_apps.expiring", row)
    enqueue("connected_apps.renew", {"app_id": row.id}, run_at=row.expires_at, unique_key=row.id)


def _refresh_at(moment: datetime, expires_at: datetime | None) -> datetime | None:
    if expires_at is None:
        return None
    whole = timedelta(milliseconds=round((expires_at - moment).total_seconds() * 1000 * _REFRESH_AT))
    return moment + max(whole, _SOONEST)


def _need_reauth(row: ConnectedApp, told: Mapping[str, Any]) -> None:
    if row.status not in (NEEDS_REAUTH, REVOKED) and _write(
        row, {"status": NEEDS_REAUTH, "last_error": told, "refreshing_until": None, "generation": row.generation + 1},
        {"generation": row.generation},
    ):  # fmt: skip
        emit("connected_apps.needs_reauth", row, data={"code": told["code"], "message": told["message"]})


def _current(row: ConnectedApp) -> ConnectedApp | None:
    """The app as it is now, or None where it is gone."""
    current: ConnectedApp | None = records.find_or_none(ConnectedApp, row.id)
    return current


def _write(row: ConnectedApp, values: Mapping[str, Any], seen: Mapping[str, Any] | None = None) -> bool:
    """Write what clients see of the app, if the row is still as it was `seen`."""
    return records.compare_and_set(row, seen or {}, {**values, "version": row.version + 1, "updated_at": now()})
