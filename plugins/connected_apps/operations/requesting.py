"""Undeclared requests to an app: check permission, send the request, and record it."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.text.json import keepable

from ..connecting import AppError, Connection, Connector, HttpAnswer, HttpRequest, Requests
from ..credentials.vault import hide, hiding
from ..models import ConnectedApp
from ..registry import connector_of
from .calling import Request, noted, with_good_tokens, with_one_refresh

if TYPE_CHECKING:
    from aasim_core.app import App

_ONLY_OPERATIONS = ("connected_app_id", "Apps of this kind take only their operations; call one with a node of the type tool.")


def contract_of(connector: Connector, config: Mapping[str, Any]) -> str:
    """The SHA-256 of what such a request does besides what is written in it: where it goes, as what, and what the app lets it do."""
    facts = (connector.name, connector.request(config, ""))
    return sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def why_not(connector: Connector, config: Mapping[str, Any], method: str, url: str) -> tuple[str, str] | None:
    """Why the request must not be made, as ``(field, sentence)``; see `Requests.why_not`."""
    return _ONLY_OPERATIONS if connector.requests is None else connector.requests.why_not(config, method, url)


def send(app: "App", row: ConnectedApp, wanted: HttpRequest, request: Request) -> HttpAnswer:
    """What the service answers, without the app's secrets; raises `AppError`. Each request leaves a row in the app's log."""
    return noted(app, row, request, lambda: _allowed(app, row, wanted), lambda found: _sent(app, row, wanted, request, *found))


def _allowed(app: "App", row: ConnectedApp, wanted: HttpRequest) -> tuple[Connector, Requests]:
    connector = connector_of(app, row.provider)
    reason = why_not(connector, row.config, wanted.method, wanted.url)
    if reason is not None or connector.requests is None:
        raise AppError("not_allowed", (reason or _ONLY_OPERATIONS)[1].rstrip("."))
    return connector, connector.requests


def _sent(
    app: "App", row: ConnectedApp, wanted: HttpRequest, request: Request, connector: Connector, requests: Requests
) -> HttpAnswer:
    row, connection = with_good_tokens(app, row, connector, request.seconds)

    def answer(connection: Connection) -> HttpAnswer:
        if request.contract not in (None, contract_of(connector, connection.config)):
            raise AppError("changed", "the app is not the one any more that the request was written for; nothing was sent")
        with hiding(connection):
            answer = requests.send(replace(connection, should_stop=request.should_stop), wanted)
            return replace(
                answer, headers=hide(connection, keepable(answer.headers)), body=hide(connection, keepable(answer.body))
            )

    return with_one_refresh(app, row, connector, connection, answer)
