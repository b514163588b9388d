"""Requirements of an installation before an app is built: a data folder, keys, and no weakness that the network could reach."""

import fcntl
import os
import socket
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import StartupError
from ..secrets import KEY_BYTES, Key, Keyring, load_keyring, save_keyring
from ..settings import Settings
from ..settings.sections import CORE_SECTIONS

if TYPE_CHECKING:
    from ..app import App

_UNAVAILABLE = 69
_STORAGE = 74
_NO_PERMISSION = 77
#: The prefix of automatically generated keys' ids; `aasim secrets create` and `rotate` generate others.
_GENERATED = "generated"
#: Values from examples; a secret with one was never chosen.
_EXAMPLES = ("change-me", "changeme", "example", "password", "secret")
_SHORTEST_SECRET = 8


def prepare(settings: Settings) -> None:
    """Make the data folder where it is missing and, unless other machines can reach the server, the keys."""
    make_folder(settings.data_dir)
    refuse_read_only(settings.database.url)
    if not settings.server.is_public:
        _generate_keys(settings.secrets.key_file)


def open_app(settings: Settings) -> "App":
    """The app, on an installation that has what it needs."""
    prepare(settings)

    from ..bootstrap import build_app  # takes a while, and what is missing is known before

    return build_app(settings)


def refuse_unfit_database(app: "App") -> None:
    """StartupError when the database is not of this version, its second wall has a hole, or a key that it needs is missing."""
    from ..data.backends.postgres import row_security, session_settings
    from ..data.backends.postgres.database import PostgresDatabase
    from ..data.migrator import runner as migrations
    from ..key_rotation import key_usage as usage

    if isinstance(app.database, PostgresDatabase):
        session_settings.verify(app.database)

    with app.database.connected():
        migrations.refuse_pending(app.database, app.migration_sources)
        row_security.verify(app.database)
        usage.refuse_missing(app)


def refuse_exposure(settings: Settings) -> None:
    """StartupError when other machines can reach the server and something is only good enough for this one."""
    if not settings.server.is_public:
        return
    faults = [*_weak_keys(settings.secrets.key_file), *_weak_secrets(settings), *_open_doors(settings)]
    if faults:
        raise StartupError(f"other machines can reach server.bind = {settings.server.bind}, which needs more care:", *faults)


def refuse_taken_port(settings: Settings, flag: str | None = None) -> None:
    """StartupError when the server cannot listen where it is to listen; `flag` is the one that said where, if one did."""
    host, port = settings.server.host, settings.server.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        other = port + 1 if 1024 <= port < 65535 else 8000
        advice = {"--port": f"--port {other}", "--bind": f"--bind {host}:{other}", None: f"AASIM_BIND=127.0.0.1:{other}"}[flag]
        raise StartupError(
            f"cannot listen on {settings.server.bind} ({error.strerror}); stop what listens there, or choose another address: {advice}",
            exit_code=_UNAVAILABLE,
        ) from error


def make_folder(folder: Path) -> None:
    """Make the data folder where it is missing; StartupError where it cannot be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartupError(
            f"the data folder {folder} cannot be written ({error.strerror}); fix that, or name another one in AASIM_DATA_DIR",
            exit_code=_STORAGE,
        ) from error


def refuse_read_only(url: str) -> None:
    """StartupError for a SQLite file that cannot be written: it would let a process start, and then fail at every write."""
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:") and path.is_file() and not os.access(path, os.W_OK):
        raise StartupError(
            f"the database {path} cannot be written by this user; give its file and folder to them", exit_code=_NO_PERMISSION
        )


def _generate_keys(path: Path) -> None:
    if path.exists():
        return
    if not path.parent.is_dir():
        raise StartupError(f"there is no folder {path.parent} for secrets.key_file; make it, or name another file")
    # Two processes that start together must not each make keys of their own.
    with open(path.with_name(f".{path.name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            save_keyring(Keyring([Key(f"{_GENERATED}{token_hex(4)}", token_bytes(KEY_BYTES))]), path)


def _weak_keys(path: Path) -> Iterator[str]:
    try:
        if load_keyring(path).key_ids[0].startswith(_GENERATED):
            yield f'the keys in {path} were generated for use on this machine only; make your own with "aasim secrets rotate"'
    except StartupError as error:
        yield from error.problems


def _weak_secrets(settings: Settings) -> Iterator[str]:
    for name, kind in CORE_SECTIONS.items():
        for field in fields(kind):
            value = getattr(getattr(settings, name), field.name)
            if field.metadata["secret"] and _is_weak(value):
                yield f"{name}.{field.name} is short or from an example; write one of at least {_SHORTEST_SECRET} characters"


def _is_weak(value: Any) -> bool:
    secret = urlsplit(value).password if value and "://" in value else value
    return bool(secret) and (len(secret) < _SHORTEST_SECRET or any(example in secret.lower() for example in _EXAMPLES))


def _open_doors(settings: Settings) -> Iterator[str]:
    if "*" in settings.http.cors_origins:
        yield 'http.cors_origins lets pages of every site in; name the origins, such as ["https://app.example.com"]'
    if settings.log.level == "debug":
        yield 'log.level is "debug", which may write what others must not read; write "info"'
