"""Refresh an app's tokens in one process at a time; others wait for its result."""

import time
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

import structlog

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.events.log import emit

from ..connecting import AppError, Connection, Connector, Tokens
from ..models import NEEDS_REAUTH, USABLE, ConnectedApp
from ..registry import connector_of
from .app_status import note_failure, open_connection, store_tokens
from .vault import hiding

if TYPE_CHECKING:
    from aasim_core.app import App

#: Lease of a token refresh: slightly longer than the timeout of an authorization server.
_ASK_SECONDS, _LEASE_SECONDS = 20.0, 30
_LOOK_SECONDS = 0.05
#: Requests this soon after another refresh reuse its tokens.
_JUST_NOW_SECONDS = 10
_log = structlog.get_logger("aasim.connected_apps")


def refreshable(connector: Connector, connection: Connection) -> bool:
    """Whether new tokens can be had without a person."""
    return connector.refresh is not None and connector.can_refresh(connection)


def is_due(row: ConnectedApp) -> bool:
    """Whether most of the tokens' life is over."""
    return row.refresh_at is not None and row.refresh_at <= now()


def is_fresh(row: ConnectedApp) -> bool:
    """Whether the tokens were renewed a moment ago."""
    return row.refreshed_at is not None and row.refreshed_at > now() - timedelta(seconds=_JUST_NOW_SECONDS)


def refresh(app: "App", row: ConnectedApp, seconds: float) -> ConnectedApp:
    """The app with newer tokens than `row` has: those that somebody else got meanwhile, or those that are got now.

    Raises `AppError`. Call it outside of transactions.
    """
    deadline = time.monotonic() + seconds
    has_waited = False
    while (current := _read(row)).generation == row.generation:
        if not _is_leased(current):
            if has_waited and current.refreshing_until is None:
                raise _failure_of(current)
            if _take_turn(app, current):
                return _refreshed(app, current, deadline)
        if time.monotonic() >= deadline:
            raise AppError("timeout", "somebody else is getting new tokens for the app, and has not got them in time")
        Event().wait(_LOOK_SECONDS)
        has_waited = True
    return _usable(current)


def _read(row: ConnectedApp) -> ConnectedApp:
    current: ConnectedApp | None = records.find_or_none(ConnectedApp, row.id)
    if current is None:
        raise AppError("not_found", "there is no such connected app")
    return current


def _is_leased(row: ConnectedApp) -> bool:
    """Return whether a refresh is in progress; the lease of a crashed one expires."""
    return row.refreshing_until is not None and row.refreshing_until > now()


def _usable(row: ConnectedApp) -> ConnectedApp:
    if row.status in USABLE:
        return row
    if row.status == NEEDS_REAUTH and row.last_error is not None:
        raise AppError("auth", row.last_error["message"], is_final=True)
    raise AppError("not_connected", f"the app is {row.status}")


def _take_turn(app: "App", row: ConnectedApp) -> bool:
    """Take the refresh lease, if nobody has taken it since the row was read."""
    seen = {"refreshing_until": row.refreshing_until, "generation": row.generation}
    with app.database.transaction():
        return records.compare_and_set(row, seen, {"refreshing_until": now() + timedelta(seconds=_LEASE_SECONDS)})


def _failure_of(row: ConnectedApp) -> AppError:
    """The previous holder released the lease without new tokens: asking again at once would not help."""
    told = row.last_error or {"code": "unavailable", "message": "no new tokens could be had"}
    return AppError(told["code"], told["message"])


def _refreshed(app: "App", row: ConnectedApp, deadline: float) -> ConnectedApp:
    """The app with new tokens; whatever fails, the turn is given back."""
    try:
        connection, tokens = _asked(app, row, deadline)
        return _stored(app, row, connection, tokens)
    except BaseException:
        _give_back(app, row)
        raise


def _asked(app: "App", row: ConnectedApp, deadline: float) -> tuple[Connection, Tokens]:
    try:
        connection = open_connection(app, row, min(_ASK_SECONDS, max(1.0, deadline - time.monotonic())))
        return connection, _ask(app, row, connection)
    except AppError as error:
        note_failure(app, row, error)
        raise


def _stored(app: "App", row: ConnectedApp, connection: Connection, tokens: Tokens) -> ConnectedApp:
    with app.database.transaction():
        renewed = store_tokens(app, row, connection, tokens)
        if renewed is not None:
            emit("connected_apps.refreshed", renewed)
            return renewed
    _log.warning("new tokens of a connected app came too late, and are dropped")
    raise AppError("not_connected", "the app was changed meanwhile; try again")


def _ask(app: "App", row: ConnectedApp, connection: Connection) -> Tokens:
    connector = connector_of(app, row.provider)
    if connector.refresh is None or not connector.can_refresh(connection):
        raise AppError("auth", "the app has no refresh token; connect it again", is_final=True)
    with hiding(connection):
        return connector.refresh(connection)


def _give_back(app: "App", row: ConnectedApp) -> None:
    with app.database.transaction():
        records.compare_and_set(row, {"generation": row.generation}, {"refreshing_until": None})
