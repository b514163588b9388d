"""``aasim up``: everything that is missing is prepared, then API and worker run under one supervisor."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from ..errors import StartupError
from ..identity import administrators
from ..logs.configuration import subdued
from ..settings import Settings
from ..terminal.output import Terminal
from ..version import VERSION
from .first_run import Credentials, demonstrate, first_administrator, first_run
from .installation import make_folder, open_app, refuse_exposure, refuse_taken_port
from .supervisor import Supervisor
from .upgrading import upgrade_all

if TYPE_CHECKING:
    from ..app import App

_START_SECONDS = 60
#: What the processes need to notice the end of their own grace time.
_MARGIN_SECONDS = 5


def up(settings: Settings, flags: Mapping[str, Any], *, email: str, demo: bool) -> int:
    """Prepare and run until a signal, or until the demonstration is over; returns the exit code.

    `flags` are the settings given on the command line, which the processes get too.
    """
    terminal = Terminal()
    terminal.say(f"Aasim {VERSION}", "bold")
    administrators.refuse_bad_address(email)
    refuse_exposure(settings)
    with _alone_in(settings.data_dir):
        return _run(settings, flags, terminal, email=email, demo=demo)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep a second `aasim up` off the data folder; StartupError where one runs there already."""
    make_folder(folder)
    with (folder / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"aasim up runs on {folder} already; stop it first, or name another data folder with --data"
            raise StartupError(message, exit_code=75) from None
        yield


def _run(settings: Settings, flags: Mapping[str, Any], terminal: Terminal, *, email: str, demo: bool) -> int:
    refuse_taken_port(settings, flag="--port" if "server.bind" in flags else None)
    app = open_app(settings)
    # Until the supervisor takes over, a stop ends what was begun, such as a download, in the way Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    credentials = _prepare(app, terminal, email)
    supervisor = Supervisor(_commands(settings, flags), terminal.trouble)
    started = time.monotonic()
    with supervisor.running(_grace_seconds(settings)):
        if supervisor.watch(lambda: _is_ready(settings), _START_SECONDS):
            terminal.done(f"API and worker run ({time.monotonic() - started:.1f} s)")
            if demo:
                _demonstrate(app, supervisor, terminal)
            else:
                _introduce(settings, terminal, credentials)
                supervisor.watch()
            terminal.say("Stopping; running work finishes first.")
        elif not supervisor.is_stopping:
            raise StartupError(f"the API did not answer on {settings.server.bind} within {_START_SECONDS} s", exit_code=69)
    return supervisor.exit_code


def _demonstrate(app: "App", supervisor: Supervisor, terminal: Terminal) -> None:
    """Run the demonstration while watching the processes, so that a stop or a fatal failure ends it too."""
    shown: Future[None] = Future()

    def show() -> None:
        try:
            demonstrate(app, terminal.say)
            shown.set_result(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            shown.set_exception(error)

    Thread(target=show, daemon=True).start()
    if supervisor.watch(shown.done):
        shown.result()


def _prepare(app: "App", terminal: Terminal, email: str) -> Credentials | None:
    with terminal.working("preparing the database"):
        applied, late = upgrade_all(app)
    terminal.done(f"Database: {f'{len(applied)} migrations applied' if applied else 'up to date'}")
    if late:
        terminal.say(f"  {', '.join(late)} still runs an older version; when it has ended, finish with: aasim migrate --post")
    credentials = first_administrator(app, email)
    if credentials:
        # At once: should something below fail, nobody could log in.
        terminal.done(f"First administrator: {credentials.email}\n  Password  {credentials.password}   (shown only now)")
    with terminal.working("preparing the plugins") as report:
        first_run(app, report)
    terminal.done(f"Plugins: {len(app.plugins.on)} on")
    app.database.close_all()
    return credentials


def _commands(settings: Settings, flags: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    # -P keeps the folder that the command was called from out of the import path.
    common = [sys.executable, "-P", "-m", "aasim_core"]
    if settings.config_file:
        common += ["--config", str(settings.config_file)]
    # News of ordinary work would run into what `up` says; warnings and errors still show.
    for name, value in {"log.level": subdued(settings.log).level, **flags}.items():
        common += ["--set", f"{name}={value}"]
    return {name: [*common, name, "--parent", str(os.getpid())] for name in ("serve", "worker")}


def _grace_seconds(settings: Settings) -> float:
    server = settings.server
    return max(settings.worker.grace_seconds, server.drain_seconds + server.graceful_timeout_seconds) + _MARGIN_SECONDS


def _address(settings: Settings) -> str:
    host = settings.server.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.server.port}"


def _is_ready(settings: Settings) -> bool:
    try:
        with urlopen(f"{_address(settings)}/api/v1/health/ready", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _introduce(settings: Settings, terminal: Terminal, credentials: Credentials | None) -> None:
    address = _address(settings)
    email, password = (credentials.email, credentials.password) if credentials else ("admin@example.com", "…")
    terminal.say(f"\n  Reference  {address}/docs\n  Try:")
    terminal.say(
        f"""  curl -s {address}/api/v1/auth/login -H 'Content-Type: application/json' \\\n"""
        f"""    -d '{{"email": "{email}", "password": "{password}"}}'""",
        "cyan",
    )
    terminal.say("\nCtrl-C stops.")
