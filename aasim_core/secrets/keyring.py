"""Keys and their use: seal a value for one row, and sign data that leaves the platform and comes back."""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes, token_hex
from typing import Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..text import base64url

KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = "v1"
#: The prefix of every sealed value.
FORMAT_MARK = f"{_FORMAT}."


class Unreadable(Exception):
    """A sealed value cannot be opened: it belongs to another row, was changed, or its key is no longer in the ring."""


class Secret:
    """A value that must not be shown: only `reveal` returns it; text forms are masked, copies by pickle or JSON refused."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself; call it only where the value is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('…')"

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> NoReturn:
        raise TypeError("a Secret has no hash; keep a digest of what it reveals instead")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret cannot be copied or pickled; seal what it reveals with the key ring instead")


@dataclass(frozen=True)
class Place:
    """The one location where a sealed value can be opened: a column of a row of an organization."""

    table: str
    column: str
    organization_id: str
    row_id: str

    def encoded(self) -> bytes:
        """The additional authenticated data of the encryption; JSON, so that it is unique per location."""
        return json.dumps([_FORMAT, self.table, self.column, self.organization_id, self.row_id]).encode()


@dataclass(frozen=True)
class Key:
    """One key of the ring; `id` is public and marks what the key sealed or signed."""

    id: str
    material: bytes = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """Derive the key for one purpose (HKDF-SHA256, RFC 5869), so that no two uses share a key."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"aasim {purpose}".encode()).derive(self.material)


class Keyring:
    """Keys, newest first: the first seals and signs, all open and verify."""

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys:
            raise ValueError("a key ring needs at least one key")
        self._keys = {key.id: key for key in keys}
        self._derived: dict[tuple[str, str], bytes] = {}

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys, newest first."""
        return tuple(self._keys)

    def key_for(self, purpose: str, key_id: str) -> bytes | None:
        """Return the key `key_id` for `purpose`, or None when the ring lacks it."""
        return self._key(purpose, key_id) if self._has(key_id) else None

    def seal(self, value: Secret, place: Place) -> str:
        """Encrypt `value` (AES-256-GCM) so that it can be opened only in `place`."""
        key_id = self.key_ids[0]
        nonce = token_bytes(_NONCE_BYTES)
        ciphertext = self._cipher(key_id).encrypt(nonce, value.reveal().encode(), place.encoded())
        return f"{mark_of(key_id)}{base64url.encode(nonce + ciphertext)}"

    def open(self, sealed: str, place: Place) -> Secret:
        """Decrypt a value sealed for the same `place`; raises `Unreadable`."""
        try:
            version, key_id, body = sealed.split(".")
            data = base64url.decode(body)
            if version != _FORMAT or not self._has(key_id):
                raise Unreadable(f"the key ring has no key {key_id!r} of format {version!r}")
            return Secret(self._cipher(key_id).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place.encoded()).decode())
        except (ValueError, InvalidTag) as error:
            raise Unreadable(f"the value of {place.table}.{place.column} does not open in row {place.row_id}") from error

    def reseal(self, sealed: str, place: Place) -> str | None:
        """Return the value sealed with the newest key, or None when it already is; raises `Unreadable`."""
        is_new = sealed.startswith(mark_of(self.key_ids[0]))
        return None if is_new else self.seal(self.open(sealed, place), place)

    def sign(self, purpose: str, data: bytes) -> bytes:
        """Return the HMAC-SHA256 of `data` under the newest key's derivative for `purpose`."""
        return hmac.digest(self._key(purpose, self.key_ids[0]), data, sha256)

    def signatures(self, purpose: str, data: bytes) -> list[bytes]:
        """Sign `data` with each key of the ring, the newest first."""
        return [hmac.digest(self._key(purpose, key_id), data, sha256) for key_id in self._keys]

    def verify(self, purpose: str, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` was made by `sign` for the same purpose and data, with any key of the ring."""
        return any(hmac.compare_digest(expected, signature) for expected in self.signatures(purpose, data))

    def rotated(self) -> "Keyring":
        """Return the ring with a new key in front."""
        return Keyring([new_key(), *self._keys.values()])

    def without(self, key_id: str) -> "Keyring":
        """Return the ring without the key of that id."""
        return Keyring([key for key in self._keys.values() if key.id != key_id])

    def dumped(self) -> str:
        """Return the text that `parse_keys` reads; for the key file only."""
        keys = [{"id": key.id, "key": base64url.encode(key.material)} for key in self._keys.values()]
        return json.dumps({"keys": keys}, indent=2) + "\n"

    def _has(self, key_id: str) -> bool:
        return key_id in self._keys

    def _cipher(self, key_id: str) -> AESGCM:
        return AESGCM(self._key("encryption", key_id))

    def _key(self, purpose: str, key_id: str) -> bytes:
        derived = self._derived.get((purpose, key_id))
        if derived is None:
            derived = self._derived[purpose, key_id] = self._keys[key_id].derived(purpose)
        return derived


def mark_of(key_id: str) -> str:
    """Return the prefix of every value that the key sealed."""
    return f"{FORMAT_MARK}{key_id}."


def key_id_of(sealed: str) -> str:
    """Return the id of the key that sealed the value; empty if no key did."""
    version, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if version == _FORMAT else ""


def new_key() -> Key:
    """Return a new random key."""
    return Key(f"k{token_hex(4)}", token_bytes(KEY_BYTES))
