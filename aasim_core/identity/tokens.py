"""Access tokens: creation, and the one strict verifier."""

import re
from dataclasses import dataclass
from functools import lru_cache
from time import time
from typing import Any

import jwt

from ..errors import Refused
from ..ids import is_id
from ..secrets import Keyring

LIFETIME_SECONDS = 15 * 60
_MAX_LENGTH = 1024
_PURPOSE = "access-token"
_TYPE = "at+jwt"
_ALGORITHM = "HS256"
_CLAIMS = frozenset(("iss", "aud", "sub", "sid", "org", "iat", "exp"))
#: The last character of 32 bytes in base64url has two spare bits, which must be zero.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
#: Permitted clock difference between hosts of one installation, for `iat` only.
_CLOCK_SKEW_SECONDS = 10


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """The claims of a verified token; times in seconds since 1970."""

    user_id: str
    session_id: str
    organization_id: str
    expires_at: int


class AccessTokens:
    """Issues and verifies the JWTs (RFC 7519, typed as RFC 9068 requires) that carry a session's id for at most 15 minutes.

    A token identifies the session that sent the request, not its rights: the session's row is read each time. The signatures of the last
    `remembered` tokens are not computed again; their expiry is checked at each use.
    """

    def __init__(
        self, keyring: Keyring, *, issuer: str, audience: str, lifetime_seconds: int = LIFETIME_SECONDS, remembered: int = 4096
    ) -> None:
        if not 0 < lifetime_seconds <= LIFETIME_SECONDS:
            raise ValueError(f"an access token lives for at most {LIFETIME_SECONDS} seconds")
        self.lifetime_seconds = lifetime_seconds
        self._keyring = keyring
        self._issuer = issuer
        self._audience = audience
        # We check the times: the expiry at each use, and both as whole numbers.
        self._codec = jwt.PyJWT({"strict_aud": True, "verify_exp": False, "verify_iat": False})
        self._envelope = jwt.PyJWS()
        self._checked = lru_cache(remembered)(self._check)

    def issue(self, *, user_id: str, session_id: str, organization_id: str) -> str:
        """Return a signed token for the session, valid for `lifetime_seconds`."""
        key_id = self._keyring.key_ids[0]
        issued = int(time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "org": organization_id,
            "iat": issued,
            "exp": issued + self.lifetime_seconds,
        }
        return self._codec.encode(claims, self._key(key_id), algorithm=_ALGORITHM, headers={"typ": _TYPE, "kid": key_id})

    def verify(self, token: str) -> AccessClaims:
        """Return the claims of `token`; raises `Refused` with ``invalid_token`` or ``token_expired``."""
        if len(token) > _MAX_LENGTH:
            raise _invalid()
        claims = self._checked(token)
        if claims.expires_at <= time():
            raise Refused("token_expired", "The access token has expired; use the refresh token to get another one.")
        return claims

    def _check(self, token: str) -> AccessClaims:
        if _SHAPE.fullmatch(token) is None:
            raise _invalid()
        try:
            key = self._key(_key_id(self._envelope.get_unverified_header(token)))
            claims = self._codec.decode(token, key, [_ALGORITHM], audience=self._audience, issuer=self._issuer)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _invalid() from error
        return _claims(claims, int(time()))

    def _key(self, key_id: str) -> bytes:
        key = self._keyring.key_for(_PURPOSE, key_id)
        if key is None:
            raise _invalid()
        return key


def _key_id(header: dict[str, Any]) -> str:
    """Return the key's id, of a header in exactly our form."""
    if header != {"alg": _ALGORITHM, "typ": _TYPE, "kid": header.get("kid")}:
        raise _invalid()
    return str(header["kid"])


def _claims(claims: dict[str, Any], now: int) -> AccessClaims:
    if claims.keys() != _CLAIMS or type(claims["iat"]) is not int or type(claims["exp"]) is not int:
        raise _invalid()
    if not (claims["iat"] - _CLOCK_SKEW_SECONDS <= now and 0 < claims["exp"] - claims["iat"] <= LIFETIME_SECONDS):
        raise _invalid()
    for claim, prefix in (("sub", "user"), ("sid", "session"), ("org", "organization")):
        if not isinstance(claims[claim], str) or not is_id(claims[claim], prefix):
            raise _invalid()
    return AccessClaims(claims["sub"], claims["sid"], claims["org"], claims["exp"])


def _invalid() -> Refused:
    return Refused("invalid_token", "The access token is not valid; log in again.")
