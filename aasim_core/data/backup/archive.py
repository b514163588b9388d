"""Backups: one archive with a consistent copy of the database, its keys, and a manifest for verification.

The archive is a compressed tar file: ``manifest.json``, ``keys.json``, and ``database.sqlite`` or ``database.dump`` (pg_dump's).
"""

import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import peewee

from ...clock import now, to_text
from ...errors import InvalidArgument, StartupError
from ...secrets import load_keyring, save_keyring
from ...settings import Settings
from ...version import VERSION
from . import postgres as backup_postgres
from . import sqlite as backup_sqlite

#: Called with the amount done and the total; the unit depends on the database.
Progress = Callable[[int, int], object]

_FORMAT = 1
_MANIFEST, _KEYS = "manifest.json", "keys.json"
_MOST_MANIFEST_BYTES = 1_000_000
_UNAVAILABLE, _STORAGE = 69, 74


def backup(settings: Settings, path: Path, progress: Progress | None = None) -> None:
    """Write an archive of the database and the keys to `path`, which must not exist, while the platform runs.

    It contains everything committed before. Raises StartupError, and leaves nothing at `path`, on failure.
    """
    if path.exists():
        raise InvalidArgument(f"{path} exists; name a file that does not, so that no backup is lost")
    with _explained(f"the backup could not be written to {path}"), _folder_in(path.parent) as folder:
        copier = _copier(settings)
        database = folder / copier.NAME
        migrations = copier.copy_out(settings.database, database, progress or _nothing)
        # After the database, so that a key from a concurrent rotation is included.
        load_keyring(settings.secrets.key_file)
        keys = folder / _KEYS
        _write(keys, settings.secrets.key_file.read_bytes())
        manifest = folder / _MANIFEST
        _write(manifest, json.dumps(_described(copier, migrations, [keys, database]), indent=2).encode())
        archive = folder / "archive"
        _pack(archive, [manifest, keys, database])
        archive.rename(path)
        _sync(path.parent)


def restore(settings: Settings, path: Path, progress: Progress | None = None) -> None:
    """Restore the archive's database and keys to the locations in the settings, which must be empty.

    Raises StartupError, and changes nothing, when the archive is damaged or something exists already. An interrupted restore can be
    repeated.
    """
    copier = _copier(settings)
    place: Path = copier.place(settings)
    with _explained(f"the backup {path} could not be restored"):
        copier.refuse_existing(settings.database)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder_in(place) as folder:
            with _opened(path) as archive:
                manifest = json.loads(_content(archive, _MANIFEST).read(_MOST_MANIFEST_BYTES))
                _refuse_foreign(manifest, copier.NAME, path)
                for name in (_KEYS, copier.NAME):
                    _write(folder / name, _content(archive, name))
                    if _digest(folder / name) != manifest["files"][name]["sha256"]:
                        raise _damaged(path)
            _place_keys(folder / _KEYS, settings.secrets.key_file)
            copier.copy_in(settings.database, folder / copier.NAME, progress or _nothing)


def _copier(settings: Settings) -> Any:
    return backup_sqlite if settings.database.url.startswith("sqlite:") else backup_postgres


def _nothing(done: int, of: int) -> None:
    """Report no progress."""


def _described(copier: Any, migrations: list[str], files: list[Path]) -> dict[str, Any]:
    facts = {path.name: {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in files}
    kind = copier.KIND
    return {
        "format": _FORMAT,
        "made_at": to_text(now()),
        "version": VERSION,
        "database": kind,
        "migrations": migrations,
        "files": facts,
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _pack(archive: Path, files: list[Path]) -> None:
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as raw:
        with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=3) as packed:
            for file in files:
                packed.add(file, file.name, filter=_anonymous)
        raw.flush()
        os.fsync(raw.fileno())


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r|gz") as archive:
            yield archive
    except (tarfile.TarError, BadGzipFile, zlib.error, EOFError, ValueError, LookupError, TypeError) as error:
        raise _damaged(path) from error


def _content(archive: tarfile.TarFile, name: str) -> Any:
    """Return the next file of the archive, which must have that name."""
    member = archive.next()
    content = archive.extractfile(member) if member is not None and member.name == name else None
    if content is None:
        raise tarfile.ReadError(f"{name} is missing or out of order")
    return content


def _refuse_foreign(manifest: dict[str, Any], wanted: str, path: Path) -> None:
    if manifest["format"] != _FORMAT or _numbers(manifest["version"]) > _numbers(VERSION):
        raise InvalidArgument(f"{path} was made by version {manifest['version']}, and this is {VERSION}; install that one first")
    if wanted not in manifest["files"]:
        raise InvalidArgument(f"{path} holds a database of {manifest['database']}; set database.url to one of that kind")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _place_keys(source: Path, target: Path) -> None:
    keys = load_keyring(source)
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        save_keyring(keys, target)
    elif load_keyring(target).dumped() != keys.dumped():
        raise InvalidArgument(f"there are other keys in {target}; move that file away, if nothing needs them any more")


def _write(path: Path, content: bytes | BinaryIO) -> None:
    """Create the file, readable only by its owner, and sync it to disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        for block in [content] if isinstance(content, bytes) else iter(lambda: content.read(1 << 20), b""):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _folder_in(place: Path) -> Iterator[Path]:
    """A temporary folder on the disk of `place`, readable only by its owner."""
    with TemporaryDirectory(dir=place, prefix=".aasim-") as folder:
        yield Path(folder)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartupError(f"{what}: {error.strerror or error}", exit_code=_STORAGE) from error
    except peewee.PeeweeException as error:
        raise StartupError(f"{what}: {str(error).partition(chr(10))[0]}", exit_code=_UNAVAILABLE) from error


def _damaged(path: Path) -> StartupError:
    return StartupError(f"{path} is damaged, or no backup at all; take another one, or another copy of it", exit_code=_STORAGE)
