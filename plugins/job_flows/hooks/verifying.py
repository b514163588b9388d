"""Verify an incoming webhook: by Standard Webhooks, an HMAC of any form, or a bearer token."""

import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SCHEMES = STANDARD, HMAC, BEARER, NONE = ("standard_webhooks", "hmac", "bearer", "none")
ALGORITHMS, ENCODINGS = ("sha256", "sha512", "sha1"), ("hex", "base64")
#: What the secrets and public keys of Standard Webhooks begin with, and how many bytes they may have.
_SECRET, _PUBLIC = "whsec_", "whpk_"
_LEAST_BYTES, _MOST_BYTES = 24, 64
_NUMBER = re.compile(r"[0-9]{1,12}")

#: Headers with credentials, which are never kept.
_CREDENTIALS = frozenset(("authorization", "cookie", "proxy-authorization", "webhook-signature"))
_LONGEST_ID = 200

#: The headers of a request, by their names in lower case.
Headers = Mapping[str, str]


def credentials(verification: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the headers that hold credentials, in lower case."""
    return _CREDENTIALS | {verification["header"].lower()} if verification["scheme"] == HMAC else _CREDENTIALS


def key_of(verification: Mapping[str, Any], headers: Headers, body: bytes) -> str | None:
    """Return what a delivery is known by: its id, or None for one without.

    An HMAC signs neither an id nor a time, so that a request that was seen could be sent again under another id: there it is the digest
    of body and signature.
    """
    if verification["scheme"] == HMAC:
        return sha256(headers.get(verification["header"].lower(), "").encode() + b"\n" + body).hexdigest()
    delivery_id = headers.get(verification["delivery_header"].lower(), "")
    return (delivery_id if len(delivery_id) <= _LONGEST_ID else sha256(delivery_id.encode()).hexdigest()) or None


def flaw_of(scheme: str, secret: str) -> str | None:
    """What is wrong with the secret, as one sentence."""
    if scheme != STANDARD or _key_of(secret) is not None or _public_key_of(secret) is not None:
        return None
    return "Write whsec_ and 24 to 64 bytes in Base64, as the sender shows it, or whpk_ and an Ed25519 key."


def flaw_in(verification: Mapping[str, Any], secret: str, headers: Headers, body: bytes, seconds: float) -> str | None:
    """Why the request cannot be trusted, as one sentence; None where it can. `seconds` is the present time since 1970."""
    return _CHECKS[verification["scheme"]](verification, secret, headers, body, seconds)


def _standard(verification: Mapping[str, Any], secret: str, headers: Headers, body: bytes, seconds: float) -> str | None:
    message_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp", "")
    if not message_id or not _NUMBER.fullmatch(timestamp):
        return "Send webhook-id, and webhook-timestamp in seconds since 1970."
    if abs(seconds - int(timestamp)) > verification["tolerance_seconds"]:
        return "The webhook-timestamp is too old, or in the future; sign each attempt again, with a correct clock."
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = headers.get("webhook-signature", "").split(" ")
    if any(_is_signed(secret, content, signature) for signature in signatures[:20]):
        return None
    return "None of the signatures in webhook-signature is that of the request; sign id, timestamp and the bytes of the body."


def _is_signed(secret: str, content: bytes, signature: str) -> bool:
    version, _, value = signature.partition(",")
    key, public = _key_of(secret), _public_key_of(secret)
    if version == "v1" and key is not None:
        return hmac.compare_digest(b64encode(hmac.digest(key, content, "sha256")), value.encode())
    if version == "v1a" and public is not None:
        try:
            public.verify(_decoded(value) or b"", content)
        except InvalidSignature:
            return False
        return True
    return False


def _hmac(verification: Mapping[str, Any], secret: str, headers: Headers, body: bytes, seconds: float) -> str | None:
    digest = hmac.digest(secret.encode(), body, verification["algorithm"])
    expected = digest.hex() if verification["encoding"] == "hex" else b64encode(digest).decode()
    given = headers.get(verification["header"].lower(), "")
    given = given.removeprefix(f"{verification['algorithm']}=")
    if verification["encoding"] == "hex":
        given = given.lower()
    if hmac.compare_digest(expected.encode(), given.encode()):
        return None
    return f"The header {verification['header']} is not the HMAC of the body's bytes with the secret."


def _bearer(verification: Mapping[str, Any], secret: str, headers: Headers, body: bytes, seconds: float) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and hmac.compare_digest(secret.encode(), token.strip().encode()):
        return None
    return "Send the secret in the header Authorization, as a bearer token."


def _none(*_: Any) -> None:
    """Knowing the address is enough."""


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], str, Headers, bytes, float], str | None]] = {
    STANDARD: _standard,
    HMAC: _hmac,
    BEARER: _bearer,
    NONE: _none,
}


def _key_of(secret: str) -> bytes | None:
    """The bytes of a secret of Standard Webhooks."""
    key = _decoded(secret.removeprefix(_SECRET)) if secret.startswith(_SECRET) else None
    return key if key is not None and _LEAST_BYTES <= len(key) <= _MOST_BYTES else None


def _public_key_of(secret: str) -> Ed25519PublicKey | None:
    key = _decoded(secret.removeprefix(_PUBLIC)) if secret.startswith(_PUBLIC) else None
    return Ed25519PublicKey.from_public_bytes(key) if key is not None and len(key) == 32 else None


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return None
