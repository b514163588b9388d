"""Revoke an app's access: at its provider, if supported, and always here."""

from typing import TYPE_CHECKING

import structlog

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.events.log import emit
from aasim_core.text.json import keepable_text

from ..connecting import AppError
from ..models import REVOKED, ConnectedApp, PendingAuthorization
from ..registry import connector_of
from ..service import find
from .app_status import open_connection
from .vault import hiding

if TYPE_CHECKING:
    from aasim_core.app import App

_SECONDS = 20.0
_log = structlog.get_logger("aasim.connected_apps")


def revoke(app: "App", row: ConnectedApp) -> ConnectedApp:
    """Revoke the access at the provider, if it supports that, and delete the secret; the record stays. Call it outside of transactions.

    A failure at the provider does not keep the secret here; the event reports it.
    """
    told = _revoke_there(app, row) if row.status != REVOKED else None
    with app.database.transaction():
        current = find(row.id)
        if current.status == REVOKED:
            return current
        ended = {"status": REVOKED, "secret": None, "expires_at": None, "refresh_at": None, "refreshing_until": None}
        records.compare_and_set(
            current, {}, {**ended, "generation": current.generation + 1, "version": current.version + 1, "updated_at": now()}
        )
        PendingAuthorization.delete().where(PendingAuthorization.app_id == row.id).execute()
        emit("connected_apps.revoked", current, data={"at_provider": told is None, "reason": told or ""})
        return current


def _revoke_there(app: "App", row: ConnectedApp) -> str | None:
    """Return why the provider was not notified, or None if it was."""
    try:
        connector = connector_of(app, row.provider)
        if connector.revoke is None:
            return "the provider is not asked: revoke the credentials there"
        connection = open_connection(app, row, _SECONDS)
        with hiding(connection):
            connector.revoke(connection)
    except AppError as error:
        return keepable_text(error.message)[:500]
    except Exception as error:  # noqa: BLE001 - whatever goes wrong there, the secret here is forgotten
        _log.warning("the provider of a connected app could not be told of its end", error=type(error).__name__)
        return "the provider could not be notified: revoke the access there"
    return None
