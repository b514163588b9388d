"""The key ring in a file: read, validated, written, and reloaded while a process runs."""

import json
import os
import stat
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any

from ..errors import StartupError
from ..text import base64url
from .keyring import KEY_BYTES, Key, Keyring

#: How often a process checks whether the key file has changed.
LOOK_SECONDS = 5.0
#: Interval of that check during verification, so that forged values do not cause more checks.
_CHECK_SECONDS = 1.0
_NO_PERMISSION = 77


class KeyringFile(Keyring):
    """The key ring in a file, reloaded by a running process.

    After a rotation it signs and seals with the new key within seconds; values sealed by another process with it open at once, and
    signatures by another process are valid at most a second later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp, keys = _read_keys(path)
        self._next_look = self._next_check = 0.0
        super().__init__(keys)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys, newest first."""
        if monotonic() >= self._next_look:
            self._follow()
        return super().key_ids

    def signatures(self, purpose: str, data: bytes) -> list[bytes]:
        """Sign `data` with each key of the ring, the newest first."""
        if monotonic() >= self._next_check:
            self._next_check = monotonic() + _CHECK_SECONDS
            self._follow()
        return super().signatures(purpose, data)

    def _has(self, key_id: str) -> bool:
        if key_id not in self._keys:
            self._follow()
        return key_id in self._keys

    def _follow(self) -> None:
        self._next_look = monotonic() + LOOK_SECONDS
        try:
            if _stamp_of(self._path.stat()) != self._stamp:
                self._stamp, keys = _read_keys(self._path)
                self._keys, self._derived = {key.id: key for key in keys}, {}
        except (OSError, StartupError) as error:
            import structlog  # slow, and rarely needed

            message = "the key file has changed and cannot be read; the keys in memory stay in use"
            structlog.get_logger("aasim.secrets").warning(message, reason=str(error))


def parse_keys(text: str, origin: str) -> list[Key]:
    """Parse the keys in `text`; `origin` names the setting or file in the message of a `StartupError`."""
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
    """Load the ring from the file `path`; a file that is missing, unreadable, accessible to others or malformed is a `StartupError`."""
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
        raise StartupError(
            f"the key file {path} cannot be read ({error.strerror}); give it to the user that runs aasim: chown USER {path}",
            exit_code=_NO_PERMISSION,
        ) from error
    return _stamp_of(status), parse_keys(text, f"the key file {path}")


def _stamp_of(status: os.stat_result) -> object:
    return status.st_mtime_ns, status.st_ino, status.st_size


def save_keyring(keyring: Keyring, path: Path) -> None:
    """Write the ring to `path` with mode 0600, so that after a crash either the old or the new file exists."""
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
        raise StartupError(f"the key file {path} is not a regular file; name another one in secrets.key_file, or move this away")
    # Reading by the group stays allowed: orchestrators mount secrets that way for processes that are not root.
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
        return "it is not JSON"  # the decoder's own message could quote the file
    return "a part is missing" if isinstance(error, KeyError | TypeError) else str(error)
