"""The hook of the plugin connected_apps for connectors, and its types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

from aasim_core.outbound.secret_addresses import Address

from .connecting import (
    AUTH_TYPES,
    EFFECTS,
    ERROR_CODES,
    AppError,
    Authorization,
    AuthType,
    Call,
    Connection,
    Connector,
    Effect,
    HttpAnswer,
    HttpRequest,
    Operation,
    Requests,
    Tokens,
)

if TYPE_CHECKING:
    from aasim_core.app import App

__all__ = [
    "AUTH_TYPES",
    "EFFECTS",
    "ERROR_CODES",
    "Address",
    "AppError",
    "AuthType",
    "Authorization",
    "Call",
    "Connection",
    "Connector",
    "Effect",
    "HttpAnswer",
    "HttpRequest",
    "Operation",
    "Requests",
    "Tokens",
    "connectors",
]

hookspec = pluggy.HookspecMarker("aasim")


@hookspec
def connectors(app: App) -> Sequence[Connector]:
    """Return the plugin's connectors to external services.

    Called once, so it must be cheap: import the service's library in the function that needs it. A connector's `name` is unique in the
    installation and never changes, because connected apps store it. Its functions are called outside of transactions, with a `Connection`
    whose secrets are decrypted for this call; all requests go through ``connection.client()`` or ``connection.egress``. They raise
    `AppError`, whose message never holds a secret. The types are documented where they are defined, in `connecting.py`::

        @hookimpl
        def connectors(app):
            return [Connector("weather", "Weather", {"api_key": SCHEMA}, CONFIG, addresses=addresses, call=call, probe=probe)]
    """
    raise AssertionError("a hook specification is never called")
