"""Sign bundles: a JWS (RFC 7515) in flattened JSON form, over canonical JSON (RFC 8785), with Ed25519 (RFC 8037).

The key of an installation is derived from its key file, so that there is none to be kept besides. Whatever is wrong with a bundle is
told by the part that it is in: the header, the payload, the digest of one of its fields, or the signature. Nothing can turn that off.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aasim_core.error_codes import ErrorCode
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.schemas.strict_json import parse
from aasim_core.secrets import Keyring
from aasim_core.text import base64url

BUNDLE_BROKEN = ErrorCode(
    "bundle_broken", 422, "a part of the bundle is not what was signed", "fetch the file once more; if that does not help, ask its seller",
    example="The signature is not that of this header and payload. Fetch the file once more.", field="bundle.signature",
)  # fmt: skip
KEY_NOT_TRUSTED = ErrorCode(
    "key_not_trusted", 422, "the bundle is signed with a key that the operator has not pinned",
    "ask the operator to compare the key with its owner, and to pin it in `marketplace.trusted_keys`",
    example="Nobody has pinned the key 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo; the operator can, in marketplace.trusted_keys.",
    field="bundle.protected",
)  # fmt: skip
_ALGORITHM, _TYPE, _PURPOSE = "EdDSA", "aasim-listing+jws", "marketplace-bundle"
_TOO_LARGE = "Files of JSON carry numbers up to 2^53 - 1 everywhere; write this one as a text, or a smaller one."
#: What installations call themselves: their own keys need not be pinned.
SELF = "this installation"


@dataclass(frozen=True)
class Signer:
    """Who has signed a bundle: the name that the operator has given the `key`, which is in base64url."""

    name: str
    key: str


def public_keys(keyring: Keyring) -> list[str]:
    """The installation's public keys in base64url, the one that it signs with first."""
    return [_public(_private(keyring, key_id)) for key_id in keyring.key_ids]


def is_key(text: str) -> bool:
    """Whether the text is a public key, as `public_keys` writes it."""
    try:
        return len(base64url.decode(text)) == 32
    except ValueError:
        return False


def digest_of(value: Any) -> str:
    """The SHA-256 of the value's canonical form, as 64 hexadecimal digits."""
    return sha256(rfc8785.dumps(value)).hexdigest()


def refuse_large_numbers(value: Any) -> None:
    """Invalid for numbers that other readers of JSON would round."""
    if problems := {path: [Problem("out_of_range", _TOO_LARGE)] for path in _too_large(value, "")}:
        raise Invalid(problems)


def sealed(keyring: Keyring, payload: Mapping[str, Any]) -> dict[str, str]:
    """The bundle of the payload, to which the digests of its fields are added."""
    key = _private(keyring, keyring.key_ids[0])
    body = rfc8785.dumps({**payload, "digests": {name: digest_of(value) for name, value in payload.items()}})
    header = {"kid": _public(key), "typ": _TYPE}
    signed = jwt.PyJWS().encode(body, key, algorithm=_ALGORITHM, headers=header)
    return dict(zip(("protected", "payload", "signature"), signed.split("."), strict=True))


def opened(bundle: Mapping[str, str], keyring: Keyring, trusted: Mapping[str, str]) -> tuple[dict[str, Any], Signer]:
    """What the bundle carries, without its digests, and who has signed it; `trusted` are the keys of others by their names.

    Invalid ``key_not_trusted``, or ``bundle_broken`` with the part that is broken.
    """
    signer = _signer(bundle["protected"], keyring, trusted)
    payload = _payload(bundle["payload"])
    compact = ".".join(bundle[part] for part in ("protected", "payload", "signature"))
    try:
        base64url.decode(bundle["signature"])
        jwt.PyJWS().decode(compact, Ed25519PublicKey.from_public_bytes(base64url.decode(signer.key)), algorithms=[_ALGORITHM])
    except (ValueError, jwt.InvalidTokenError):
        raise broken("signature", "The signature is not that of this header and payload.") from None
    return payload, signer


def broken(part: str, message: str) -> Invalid:
    """What is answered for a bundle of which that part is not what was signed."""
    return Invalid({f"bundle.{part}": [Problem(BUNDLE_BROKEN, f"{message} Fetch the file once more.")]})


def _too_large(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, int | float) and abs(value) >= 2**53:
        yield path
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from _too_large(each, f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}".lstrip("."))


def _private(keyring: Keyring, key_id: str) -> Ed25519PrivateKey:
    seed = keyring.key_for(_PURPOSE, key_id)
    if seed is None:
        raise LookupError(f"the key ring has no key {key_id}")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public(key: Ed25519PrivateKey) -> str:
    return base64url.encode(key.public_key().public_bytes_raw())


def _signer(protected: str, keyring: Keyring, trusted: Mapping[str, str]) -> Signer:
    header = _read("protected", "header", protected)
    key = header.get("kid")
    if header != {"alg": _ALGORITHM, "kid": key, "typ": _TYPE} or not isinstance(key, str):
        raise broken("protected", f"The header has alg {_ALGORITHM}, typ {_TYPE} and a kid, and nothing else.")
    names = {**dict.fromkeys(public_keys(keyring), SELF), **{pinned: name for name, pinned in trusted.items()}}
    if key not in names:
        message = f"Nobody has pinned the key {key[:100]!r}; the operator can, in marketplace.trusted_keys."
        raise Invalid({"bundle.protected": [Problem(KEY_NOT_TRUSTED, message)]})
    return Signer(names[key], key)


def _payload(text: str) -> dict[str, Any]:
    payload = _read("payload", "payload", text)
    digests = payload.pop("digests", None)
    if not isinstance(digests, dict) or digests.keys() != payload.keys():
        raise broken("payload.digests", "The payload has not one digest for each of its fields.")
    for name, value in payload.items():
        if digests[name] != digest_of(value):
            raise broken(f"payload.{name}", f"The digest of {name} is not the one that the payload has.")
    return payload


def _read(part: str, what: str, text: str) -> dict[str, Any]:
    """The object that a part of the bundle is; Invalid for one that is not in the one canonical form."""
    with suppress(ValueError, Refused):
        octets = base64url.decode(text)
        value = parse(octets)
        if isinstance(value, dict) and rfc8785.dumps(value) == octets:
            return value
    raise broken(part, f"The {what} is no object in canonical JSON, encoded as base64url.")
