"""The connector for HTTP services that speak OAuth 2: authorization code with PKCE, or client credentials; by Authlib."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from aasim_core.clock import now
from aasim_core.outbound.secret_addresses import Address
from aasim_core.secrets import Secret
from aasim_core.text.json import keepable, keepable_text

from ..connecting import AppError, Authorization, AuthType, Call, Connection, Connector, ErrorCode, Tokens
from ..credentials.vault import hide
from . import requests, rest

if TYPE_CHECKING:
    import httpx2
    from authlib.integrations.httpx_client import OAuth2Client

Result = TypeVar("Result")

_URL = {"type": "string", "maxLength": 2000}
_CODE, _CLIENT = "authorization_code", "client_credentials"
_LONGEST = 10 * 366 * 86_400

_CONFIG: Mapping[str, Any] = {
    "type": "object",
    "required": ["base_url", "client_id", "token_url"],
    "additionalProperties": False,
    "properties": {
        **rest.PROPERTIES,
        "other_requests": requests.PROPERTY,
        "grant": {"enum": [_CODE, _CLIENT], "description": "authorization_code if left out: a person allows it."},
        "client_id": {"type": "string", "minLength": 1, "maxLength": 1000},
        "authorize_url": {**_URL, "description": "Where people allow it; for authorization_code."},
        "token_url": _URL,
        "revoke_url": {**_URL, "description": "Where tokens are revoked (RFC 7009), if the provider can."},
        "token_auth": {
            "enum": ["client_secret_basic", "client_secret_post", "none"],
            "description": "How the client says who it is; client_secret_basic if there is a secret.",
        },
        "authorize_parameters": {
            "type": "object",
            "maxProperties": 20,
            "additionalProperties": {"type": "string", "maxLength": 1000},
            "description": "What the provider wants to have in the address besides, such as access_type: offline.",
        },
    },
}
_CREDENTIALS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"client_secret": {"type": "string", "minLength": 1, "maxLength": 4096}},
}
#: What an address of an authorization holds already.
_TAKEN = {
    "client_id",
    "response_type",
    "state",
    "redirect_uri",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
}
#: The errors of OAuth after which asking again does not help.
_FINAL = ("invalid_grant", "invalid_client", "unauthorized_client")
#: Those that pass, and what they mean.
_PASSING: Mapping[str, ErrorCode] = {
    "temporarily_unavailable": "unavailable", "server_error": "unavailable",
    "slow_down": "rate_limited", "too_many_requests": "rate_limited",
}  # fmt: skip
_MOST_QUOTED = 300


def connector() -> Connector:
    """The connector `oauth2`."""
    return Connector(
        name="oauth2",
        title="HTTP service with OAuth 2",
        credentials={"oauth2": _CREDENTIALS},
        config=_CONFIG,
        addresses=_addresses,
        call=_call,
        probe=lambda connection: rest.probe(connection, _sign),
        flaws=_flaws,
        operations=rest.operations,
        request=rest.request,
        requests=requests.requests(_sign),
        refresh=_refresh,
        can_refresh=_can_refresh,
        revoke=_revoke,
        authorization=Authorization(_url, _exchange, applies=_is_code),
    )


def _addresses(config: Mapping[str, Any]) -> Sequence[Address]:
    urls = [config["base_url"], config["token_url"], *([config["revoke_url"]] if "revoke_url" in config else [])]
    return [Address.of(url) for url in urls]


def _is_code(config: Mapping[str, Any]) -> bool:
    return str(config.get("grant", _CODE)) == _CODE


def _flaws(config: Mapping[str, Any], auth_type: AuthType) -> Iterable[tuple[str, str]]:
    yield from rest.flaws(config)
    for name in ("authorize_url", "token_url", "revoke_url"):
        told = rest.url_flaw(config[name]) if name in config else None
        if told:
            yield name, told
    if _is_code(config) and "authorize_url" not in config:
        yield "authorize_url", "Write where people allow it; or set grant to client_credentials."
    if _TAKEN & config.get("authorize_parameters", {}).keys():
        yield "authorize_parameters", f"{', '.join(sorted(_TAKEN))} are written by the platform."


def _call(connection: Connection, asked: Call) -> Any:
    return rest.call(connection, asked, _sign)


def _sign(connection: Connection, headers: dict[str, str], query: dict[str, Any]) -> None:
    if connection.tokens is None:
        raise AppError("auth", "it is not authorized yet; authorize the app")
    headers["Authorization"] = f"Bearer {connection.tokens.access_token.reveal()}"


def _can_refresh(connection: Connection) -> bool:
    has_token = connection.tokens is not None and connection.tokens.refresh_token is not None
    return has_token or not _is_code(connection.config)


def _url(connection: Connection, redirect_uri: str, state: str, verifier: str) -> str:
    from authlib.common.urls import add_params_to_uri

    with _client(connection) as client:
        client.code_challenge_method = "S256"
        url, _ = client.create_authorization_url(
            connection.config["authorize_url"], state=state, code_verifier=verifier, redirect_uri=redirect_uri
        )
    return str(add_params_to_uri(url, connection.config.get("authorize_parameters", {}).items()))


def _exchange(connection: Connection, redirect_uri: str, code: str, verifier: str) -> Tokens:
    return _asked(
        connection,
        lambda client, url: client.fetch_token(
            url, grant_type=_CODE, code=code, code_verifier=verifier, redirect_uri=redirect_uri
        ),
    )


def _refresh(connection: Connection) -> Tokens:
    if not _is_code(connection.config):
        return _asked(connection, lambda client, url: client.fetch_token(url, grant_type=_CLIENT))
    tokens = connection.tokens
    if tokens is None or tokens.refresh_token is None:
        raise AppError("auth", "the provider gave no refresh token; authorize the app again", is_final=True)
    kept = tokens.refresh_token
    return _asked(connection, lambda client, url: client.refresh_token(url, refresh_token=kept.reveal()), kept)


def _revoke(connection: Connection) -> None:
    """Revoke the refresh token, which ends what was made from it (RFC 7009), or else the access token."""
    url, tokens = connection.config.get("revoke_url"), connection.tokens
    if url is None:
        raise AppError("not_connected", "the app has no revoke_url: revoke the access at the provider")
    if tokens is None:
        raise AppError("not_connected", "the app had no tokens")
    hint, token = ("refresh_token", tokens.refresh_token) if tokens.refresh_token else ("access_token", tokens.access_token)
    with rest.failures(connection, may_repeat=True), _client(connection) as client:
        rest.refuse_failed(client.revoke_token(url, token=token.reveal(), token_type_hint=hint), may_repeat=True)


def _client(connection: Connection) -> "OAuth2Client":
    from authlib.integrations.httpx_client import OAuth2Client

    from aasim_core.outbound.client import client_options

    secret = connection.credentials.get("client_secret")
    client = OAuth2Client(
        client_id=connection.config["client_id"],
        client_secret=secret.reveal() if secret else None,
        token_endpoint_auth_method=connection.config.get("token_auth"),
        revocation_endpoint_auth_method=connection.config.get("token_auth"),
        scope=" ".join(connection.scopes) or None,
        **client_options(connection.egress, connection.patience()),
    )
    client.register_client_auth_method(("client_secret_basic", _basic))
    for answer in ("access_token_response", "refresh_token_response"):
        client.register_compliance_hook(answer, _refuse_overload)
    return client


def _basic(client: Any, method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
    """Who the client is, with both parts form-urlencoded before they are joined (RFC 6749, 2.3.1), which Authlib leaves out."""
    pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret or '', safe='')}"
    headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return uri, headers, body


def _refuse_overload(response: "httpx2.Response") -> "httpx2.Response":
    """`AppError` for an answer that says to ask less, whatever is in it."""
    if response.status_code == 429:
        raise AppError("rate_limited", "the authorization server wants to be asked less")
    return response


def _asked(connection: Connection, ask: Callable[["OAuth2Client", str], Any], kept: Secret | None = None) -> Tokens:
    """The tokens of the authorization server's response; without a new refresh token, the `kept` one stays in use."""
    import httpx2
    from authlib.common.errors import AuthlibBaseError

    try:
        with rest.failures(connection, may_repeat=True), _client(connection) as client:
            try:
                return _tokens(keepable(ask(client, connection.config["token_url"])), kept)
            except httpx2.HTTPStatusError as error:
                raise AppError("unavailable", f"the authorization server answered {error.response.status_code}") from error
    except AuthlibBaseError as error:
        raise _refusal(connection, str(error.error), str(error.description or "")) from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise AppError("invalid_answer", "the authorization server answered something else than tokens") from error


def _refusal(connection: Connection, code: str, description: str) -> AppError:
    """What an error of OAuth means; nothing stands behind what the server said, so that a secret that is cut is known as one."""
    said = hide(connection, keepable_text(f"{code}: {description}" if description else code))[:_MOST_QUOTED]
    return AppError(_PASSING.get(code, "auth"), f"the authorization server refused: {said}", is_final=code in _FINAL)


def _tokens(answer: Mapping[str, Any], kept: Secret | None) -> Tokens:
    if str(answer.get("token_type", "bearer")).lower() != "bearer":
        raise AppError("invalid_answer", "the authorization server gave a token of another type than bearer")
    seconds = answer.get("expires_in")
    expires_at = now() + timedelta(seconds=min(int(seconds), _LONGEST)) if seconds is not None else None
    token, renewed, scope = answer["access_token"], answer.get("refresh_token"), answer.get("scope")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ValueError("an access token is printable ASCII")
    return Tokens(
        Secret(token),
        Secret(renewed) if isinstance(renewed, str) and renewed else kept,
        expires_at,
        tuple(scope.split()) if isinstance(scope, str) else None,
    )
