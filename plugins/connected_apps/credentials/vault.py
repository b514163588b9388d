"""The secrets of an app: sealed in its row, and revealed only in a `Connection` for one call."""

import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import orjson

from aasim_core.clock import from_text, to_text
from aasim_core.logs.redaction import MASK
from aasim_core.secrets import Secret, Unreadable
from aasim_core.secrets.masking import spellings, without

from ..connecting import AppError, AuthType, Connection, Connector, Tokens
from ..models import ConnectedApp
from ..settings import ConnectedAppSettings

if TYPE_CHECKING:
    from aasim_core.app import App

#: Shorter ones occur in too many harmless words.
_LEAST_HIDDEN = 4
#: Maximum number of characters of a failure's and a service's text.
_MOST_TOLD = 400


def settings_of(app: "App") -> ConnectedAppSettings:
    """The plugin's section of the settings."""
    return app.settings.section("connected_apps", ConnectedAppSettings)


def sealed(app: "App", row: ConnectedApp, credentials: Mapping[str, Secret], tokens: Tokens | None = None) -> str:
    """The credentials and tokens, for the column of that row."""
    content: dict[str, Any] = {"credentials": {name: value.reveal() for name, value in credentials.items()}}
    if tokens is not None:
        content["tokens"] = {
            "access_token": tokens.access_token.reveal(),
            "refresh_token": tokens.refresh_token.reveal() if tokens.refresh_token else None,
            "expires_at": to_text(tokens.expires_at) if tokens.expires_at else None,
        }
    return app.keyring.seal(Secret(orjson.dumps(content).decode()), ConnectedApp.secret.place(row.id, row.organization_id))


def opened(app: "App", row: ConnectedApp, seconds: float) -> Connection:
    """Return the connector's context for one call of at most this many seconds; raises `Unreadable`."""
    from aasim_core.outbound.egress import Egress

    content = _content(app, row)
    return Connection(
        app_id=row.id,
        auth_type=cast("AuthType", row.auth_type),
        config=row.config,
        scopes=tuple(row.scopes),
        shown=_shown(app, row),
        credentials={name: Secret(value) for name, value in content.get("credentials", {}).items()},
        tokens=_tokens(content.get("tokens")),
        egress=Egress(settings_of(app).allowed_networks),
        deadline=time.monotonic() + seconds,
    )


def _shown(app: "App", row: ConnectedApp) -> frozenset[str]:
    """The credentials that are no secret, such as a user name: their schema says ``"writeOnly": false``."""
    connector: Connector | None = app.offers("connectors").get(
        row.provider
    )  # even where its plugin is disabled for the organization
    schema = connector.credentials.get(cast("AuthType", row.auth_type), {}) if connector is not None else {}
    return frozenset(name for name, each in schema.get("properties", {}).items() if each.get("writeOnly") is False)


def _content(app: "App", row: ConnectedApp) -> dict[str, Any]:
    if row.secret is None:
        return {}
    secret = app.keyring.open(row.secret, ConnectedApp.secret.place(row.id, row.organization_id))
    try:
        return dict(orjson.loads(secret.reveal()))
    except (ValueError, TypeError) as error:
        raise Unreadable("the secret of a connected app has another form") from error


def _tokens(kept: Mapping[str, Any] | None) -> Tokens | None:
    if kept is None:
        return None
    expires_at: datetime | None = from_text(kept["expires_at"]) if kept["expires_at"] else None
    return Tokens(Secret(kept["access_token"]), Secret(kept["refresh_token"]) if kept["refresh_token"] else None, expires_at)


def hide(connection: Connection, value: Any) -> Any:
    """The JSON value without the secrets of the connection, however they are spelt: services repeat what they are sent."""
    return _hidden(value, _forms(connection))


def _hidden(value: Any, forms: Sequence[str]) -> Any:
    if isinstance(value, str):
        return reduce(lambda text, form: text.replace(form, MASK), forms, value)
    if isinstance(value, dict):
        return {_hidden(key, forms): _hidden(each, forms) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, forms) for each in value]
    return MASK if str(value) in forms else value


@contextmanager
def hiding(connection: Connection) -> Iterator[None]:
    """Mask the connection's secrets in a connector's failures."""
    try:
        yield
    except AppError as error:
        forms = _forms(connection)
        summary, said = _told(error.summary, forms), _told(error.said, forms)
        if (summary, said) == (error.summary, error.said):
            raise
        raise AppError(error.code, summary, said, unknown=error.unknown, is_final=error.is_final) from None


def _told(text: str, forms: Sequence[str]) -> str:
    """The beginning of the text, without secrets; they are masked first, so that none is cut in two and not known again."""
    return reduce(lambda rest, form: without(form, rest), forms, text)[:_MOST_TOLD]


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _forms(connection: Connection) -> list[str]:
    """What the secrets look like when they travel, the longest first."""
    tokens = connection.tokens
    secrets = [secret for name, secret in connection.credentials.items() if name not in connection.shown]
    if tokens is not None:
        secrets += [token for token in (tokens.access_token, tokens.refresh_token) if token is not None]
    values = [secret.reveal() for secret in secrets]
    known = {*(secret.reveal() for secret in connection.credentials.values()), str(connection.config.get("client_id", ""))}
    pairs = product({*known, *(quote(each, safe="") for each in known)}, repeat=2)
    plain = {*values, *(_base64(f"{one}:{other}") for one, other in pairs)}
    forms = {form for value in plain for form in spellings(value)}
    return sorted((form for form in forms if len(form) >= _LEAST_HIDDEN), key=len, reverse=True)
