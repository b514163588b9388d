"""Authlib's authorization server, as a service on loopback whose tokens a test can look at and spoil."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authlib.common.security import generate_token
from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request, TokenMixin, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge

from ..peers import Received, Response, Service

CLIENT_ID, CLIENT_SECRET = "aasim", "sentinel-of-the-client"
_ALL = ["authorization_code", "client_credentials", "refresh_token"]


class Client(ClientMixin):
    """The platform, as the provider knows it."""

    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri
        self.secret = CLIENT_SECRET

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in _ALL


@dataclass
class Token(TokenMixin):
    """What the provider gave out."""

    values: Mapping[str, Any]
    client: Client
    issued_at: float = field(default_factory=time.time)
    revoked: bool = False

    def check_client(self, client: Any) -> bool:
        return client is self.client

    def get_scope(self) -> str:
        return str(self.values.get("scope", ""))

    def get_expires_in(self) -> int:
        return int(self.values["expires_in"])

    def is_expired(self) -> bool:
        return time.time() >= self.issued_at + self.get_expires_in()

    def is_revoked(self) -> bool:
        return self.revoked

    def get_user(self) -> str:
        return "ada"

    def get_client(self) -> Any:
        return self.client


@dataclass
class Code:
    """An authorization code."""

    code: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> None:
        return None


class _CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        self.server.provider.codes[code] = Code(
            code, data["redirect_uri"], data.get("scope", ""), data["code_challenge"], data["code_challenge_method"]
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        return self.server.provider.codes.get(code)  # type: ignore[no-any-return]

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.server.provider.codes.pop(authorization_code.code)

    def authenticate_user(self, authorization_code: Code) -> str:
        return "ada"


class _RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found = self.server.provider.by_refresh_token(refresh_token)
        return found if found and not found.revoked else None

    def authenticate_user(self, refresh_token: Token) -> str:
        return refresh_token.get_user()

    def revoke_old_credential(self, refresh_token: Token) -> None:
        refresh_token.revoked = True


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        provider = self.server.provider
        return provider.by_refresh_token(token_string) or provider.by_access_token(token_string)  # type: ignore[no-any-return]

    def revoke_token(self, token: Token, request: Any) -> None:
        token.revoked = True


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, received: Received) -> None:
        # The library wants TLS; on loopback there is none.
        super().__init__(received.method, f"https://provider{received.path}", headers=received.headers)
        self._query = dict(received.query)
        self._form = received.form if received.method == "POST" else {}
        self.payload = BasicOAuth2Payload({**self._query, **self._form})

    @property
    def args(self) -> Mapping[str, str]:
        return self._query

    @property
    def form(self) -> Mapping[str, str]:
        return self._form


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, provider: "Provider") -> None:
        super().__init__()
        self.provider = provider
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: f"sentinel-access-{generate_token(24)}", lambda **_: f"sentinel-refresh-{generate_token(24)}",
                lambda client, grant_type: provider.lifetime,
            ),
        )  # fmt: skip
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_grant(grants.ClientCredentialsGrant)
        self.register_endpoint(_Revocation)

    def query_client(self, client_id: str) -> Client | None:
        return self.provider.client if client_id == CLIENT_ID else None

    def save_token(self, token: Mapping[str, Any], request: Any) -> None:
        self.provider.tokens.append(Token(dict(token), self.provider.client))

    def create_oauth2_request(self, request: Received) -> OAuth2Request:
        return _Request(request)

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        return Response(status, body, dict(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


class Provider(Service):
    """A service with OAuth 2, whose authorization server is Authlib's."""

    def __init__(self, redirect_uri: str) -> None:
        super().__init__()
        self.client = Client(redirect_uri)
        self.codes: dict[str, Code] = {}
        self.tokens: list[Token] = []
        self.lifetime = 3600
        self.server = _Server(self)
        self.answers = {
            "/authorize": self._authorize,
            "/token": self.server.create_token_response,
            "/revoke": lambda received: self.server.create_endpoint_response(_Revocation.ENDPOINT_NAME, received),
            "/": self._me,
            "/me": self._me,
        }

    def by_refresh_token(self, text: str) -> Token | None:
        return next((token for token in self.tokens if token.values.get("refresh_token") == text), None)

    def by_access_token(self, text: str) -> Token | None:
        return next((token for token in self.tokens if token.values["access_token"] == text), None)

    @property
    def asked_for_tokens(self) -> list[str]:
        """The grant of each request for tokens."""
        return [received.form["grant_type"] for received in self.received if received.path == "/token"]

    def allow(self, url: str) -> dict[str, str]:
        """Do what a person does who opens the address and says yes; what they are sent back with."""
        parts = urlsplit(url)
        received = Received("GET", parts.path, dict(parse_qsl(parts.query)), {}, b"")
        answer = self._authorize(received)
        assert answer.status == 302, answer
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def _authorize(self, received: Received) -> Response:
        grant = self.server.get_consent_grant(received, end_user="ada")
        answer: Response = self.server.create_authorization_response(received, grant_user="ada", grant=grant)
        return answer

    def _me(self, received: Received) -> Response:
        token = self.by_access_token(received.headers.get("Authorization", "").removeprefix("Bearer "))
        if token is None or token.revoked or token.is_expired():
            return Response(401, {"error": "invalid_token"})
        return Response(200, {"name": "Ada", "scope": token.get_scope()})
