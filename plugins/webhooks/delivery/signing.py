"""Sign by Standard Webhooks 1.0.0: with a shared secret, or with a private key whose public key receivers have."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aasim_core.clock import now
from aasim_core.secrets import Secret

from ..models import Webhook

if TYPE_CHECKING:
    from aasim_core.app import App

#: How messages can be signed: HMAC-SHA256, or Ed25519.
SIGNATURES = V1, V1A = ("v1", "v1a")
#: What secrets, private and public keys begin with.
_SECRET, _PRIVATE, _PUBLIC = "whsec_", "whsk_", "whpk_"
#: The standard requires 24 to 64 bytes; an Ed25519 key has 32.
_BYTES = 32


def new_secret(signature: str) -> Secret:
    """A fresh random secret for such signatures, or a private key."""
    return Secret((_PRIVATE if signature == V1A else _SECRET) + b64encode(token_bytes(_BYTES)).decode())


def public_key_of(secret: Secret) -> str | None:
    """What receivers verify with; None where that is the secret itself."""
    key = _private_key(secret)
    return None if key is None else _PUBLIC + b64encode(key.public_key().public_bytes_raw()).decode()


def signed_headers(secrets: Sequence[Secret], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a message, signed with each of the secrets; `timestamp` is in seconds."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: Secret, content: bytes) -> str:
    private_key = _private_key(secret)
    if private_key is not None:
        return f"{V1A},{b64encode(private_key.sign(content)).decode()}"
    key = b64decode(secret.reveal().removeprefix(_SECRET))
    return f"{V1},{b64encode(hmac.digest(key, content, sha256)).decode()}"


def _private_key(secret: Secret) -> Ed25519PrivateKey | None:
    text = secret.reveal()
    return Ed25519PrivateKey.from_private_bytes(b64decode(text[len(_PRIVATE) :])) if text.startswith(_PRIVATE) else None


def sealed(app: "App", webhook: Webhook, secret: Secret) -> str:
    """The secret for its column."""
    return app.keyring.seal(secret, Webhook.secret.place(webhook.id, webhook.organization_id))


def sealed_as_previous(app: "App", webhook: Webhook, secret: Secret) -> str:
    """The secret for the column of the one before."""
    return app.keyring.seal(secret, Webhook.previous_secret.place(webhook.id, webhook.organization_id))


def secrets_of(app: "App", webhook: Webhook) -> list[Secret]:
    """What is signed with now, the newest first; raises `Unreadable`."""
    sealed_values = {"secret": webhook.secret}
    if webhook.previous_secret is not None and webhook.previous_expires_at is not None and webhook.previous_expires_at > now():
        sealed_values["previous_secret"] = webhook.previous_secret
    return [
        app.keyring.open(value, getattr(Webhook, name).place(webhook.id, webhook.organization_id))
        for name, value in sealed_values.items()
    ]
