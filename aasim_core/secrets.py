"""Secrets at rest: a ring of keys that seals values for one row, and signs what leaves the platform and comes back."""

import hmac
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_hex
from time import monotonic
from typing import Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import base64url
from .errors import StartupError

KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = "v1"
#: How often a process looks whether the key file has changed.
_LOOK_SECONDS = 5.0


class Unreadable(Exception):
    """A sealed value cannot be opened: another row's, changed, or sealed with a key that is no longer in the ring."""


class Secret:
    """A value that must not be shown: `reveal` is the only way to it; text forms are masked, copies by pickle or JSON refused."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it only where the value is used."""
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
    """The one place where a sealed value can be opened: a column of a row of an organization."""

    table: str
    column: str
    organization_id: str
    row_id: str

    def encoded(self) -> bytes:
        """The additional data of the encryption; JSON, so that no two places share it."""
        return json.dumps([_FORMAT, self.table, self.column, self.organization_id, self.row_id]).encode()


@dataclass(frozen=True)
class Key:
    """One key of the ring; `id` is public and marks what the key made."""

    id: str
    material: bytes = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """The key for one purpose (HKDF-SHA256, RFC 5869), so that no two uses share a key."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"aasim {purpose}".encode()).derive(self.material)


class Keyring:
    """Keys, newest first: the first one seals and signs, every one opens and verifies."""

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
        """The key `key_id` for `purpose`, or None when the ring does not have it."""
        return self._key(purpose, key_id) if self._has(key_id) else None

    def seal(self, value: Secret, place: Place) -> str:
        """Encrypt `value` (AES-256-GCM) so that it can be opened in `place` and nowhere else."""
        key_id = self.key_ids[0]
        nonce = token_bytes(_NONCE_BYTES)
        ciphertext = self._cipher(key_id).encrypt(nonce, value.reveal().encode(), place.encoded())
        return f"{_FORMAT}.{key_id}.{base64url.encode(nonce + ciphertext)}"

    def open(self, sealed: str, place: Place) -> Secret:
        """Decrypt what `seal` made for the same place; raises `Unreadable`."""
        try:
            version, key_id, body = sealed.split(".")
            data = base64url.decode(body)
            if version != _FORMAT or not self._has(key_id):
                raise Unreadable(f"the key ring has no key {key_id!r} of format {version!r}")
            return Secret(self._cipher(key_id).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place.encoded()).decode())
        except (ValueError, InvalidTag) as error:
            raise Unreadable(f"the value of {place.table}.{place.column} does not open in row {place.row_id}") from error

    def reseal(self, sealed: str, place: Place) -> str | None:
        """The value sealed with the newest key, or None when it already is; raises `Unreadable`."""
        is_new = sealed.startswith(f"{_FORMAT}.{self.key_ids[0]}.")
        return None if is_new else self.seal(self.open(sealed, place), place)

    def sign(self, purpose: str, data: bytes) -> bytes:
        """The HMAC-SHA256 of `data` under the newest key's derivative for `purpose`."""
        return hmac.digest(self._key(purpose, self.key_ids[0]), data, sha256)

    def signatures(self, purpose: str, data: bytes) -> list[bytes]:
        """What `sign` makes of `data` with each key of the ring, the newest first."""
        return [hmac.digest(self._key(purpose, key_id), data, sha256) for key_id in self._keys]

    def verify(self, purpose: str, data: bytes, signature: bytes) -> bool:
        """Whether `signature` was made by `sign` for the same purpose and data, with any key of the ring."""
        return any(hmac.compare_digest(expected, signature) for expected in self.signatures(purpose, data))

    def rotated(self) -> "Keyring":
        """The ring with a fresh key in front."""
        return Keyring([new_key(), *self._keys.values()])

    def dumped(self) -> str:
        """The text that `parse_keys` reads; for the key file only."""
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


class KeyringFile(Keyring):
    """The ring in a file, which a running process follows.

    After a rotation it signs and seals with the new key within seconds, and opens what another process made with it at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp, keys = _read_keys(path)
        self._next_look = 0.0
        super().__init__(keys)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys, newest first."""
        if monotonic() >= self._next_look:
            self._follow()
        return super().key_ids

    def _has(self, key_id: str) -> bool:
        if key_id not in self._keys:
            self._follow()
        return key_id in self._keys

    def _follow(self) -> None:
        self._next_look = monotonic() + _LOOK_SECONDS
        try:
            if _stamp_of(self._path.stat()) != self._stamp:
                self._stamp, keys = _read_keys(self._path)
                self._keys, self._derived = {key.id: key for key in keys}, {}
        except (OSError, StartupError) as error:
            import structlog  # slow, and hardly ever needed

            message = "the key file has changed and cannot be read; the keys in memory stay in use"
            structlog.get_logger("aasim.secrets").warning(message, reason=str(error))


def new_key() -> Key:
    """A fresh random key."""
    return Key(f"k{token_hex(4)}", token_bytes(KEY_BYTES))


def parse_keys(text: str, origin: str) -> list[Key]:
    """The keys that `text` holds; `origin` names the setting or file in the message of a `StartupError`."""
    try:
        keys = [Key(_checked_id(entry["id"]), _checked_material(entry["key"])) for entry in json.loads(text)["keys"]]
        if len({key.id for key in keys}) != len(keys):
            raise ValueError("two keys have the same id")
        if not keys:
            raise ValueError("a key ring needs at least one key")
    except (ValueError, KeyError, TypeError) as error:
        raise StartupError(
            f"{origin} is not a key ring ({_reason(error)}); it must be JSON such as "
            '{"keys": [{"id": "k1", "key": "<32 random bytes in base64url>"}]}, made by "aasim secrets create"'
        ) from error
    return keys


def load_keyring(path: Path) -> Keyring:
    """The ring kept in the file `path`; a file that is absent, unreadable, open to others or malformed is a `StartupError`."""
    return KeyringFile(path)


def _read_keys(path: Path) -> tuple[object, list[Key]]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            _refuse_open_to_others(path, status)
            text = file.read().decode(errors="replace")
    except FileNotFoundError as error:
        raise StartupError(f'there is no key file {path}; make one with "aasim secrets create" or restore your backup') from error
    except OSError as error:
        raise StartupError(f"the key file {path} cannot be read ({error.strerror}); make its reader the owner") from error
    return _stamp_of(status), parse_keys(text, f"the key file {path}")


def _stamp_of(status: os.stat_result) -> object:
    return status.st_mtime_ns, status.st_ino, status.st_size


def save_keyring(keyring: Keyring, path: Path) -> None:
    """Write the ring to `path` with mode 0600, so that after a crash either the old or the new file is there."""
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(keyring.dumped().encode())
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_open_to_others(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StartupError(f"the key file {path} is not a regular file")
    # Reading by the group stays allowed: that is how orchestrators mount a secret for a process that is not root.
    if status.st_mode & 0o037:
        raise StartupError(f"the key file {path} is open to other users; run: chmod 600 {path}")


def _checked_id(key_id: Any) -> str:
    if not (isinstance(key_id, str) and key_id.isascii() and key_id.isalnum() and len(key_id) <= 32):
        raise ValueError("a key's id is 1 to 32 letters and digits")
    return key_id


def _checked_material(text: Any) -> bytes:
    material = base64url.decode(text) if isinstance(text, str) else b""
    if len(material) != KEY_BYTES:
        raise ValueError(f"a key is {KEY_BYTES} bytes in base64url")
    if len(set(material)) < KEY_BYTES // 4:
        raise ValueError("a key is an example, not random bytes")
    return material


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"  # the decoder's own words could quote the file
    return "a part is missing" if isinstance(error, KeyError | TypeError) else str(error)
