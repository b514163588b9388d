"""``aasim up``: everything that is missing is prepared, then API and worker run under one supervisor."""

import fcntl
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from ..errors import StartupError
from ..identity import administrators
from ..terminal.output import Terminal
from ..version import VERSION
from .first_run import Credentials, demonstrate, first_administrator, first_run
from .installation import make_folder, open_app, refuse_exposure, refuse_taken_port
from .launch import Launch
from .reloading import START_SECONDS, SourceWatch, refuse_reload, reload_until_stop
from .supervisor import Supervisor
from .upgrading import upgrade_all

if TYPE_CHECKING:
    from ..app import App


def up(launch: Launch, *, email: str, demo: bool = False, reload: bool = False) -> int:
    """Prepare and run until a signal, or until the demonstration is over; returns the exit code.

    With `reload`, what runs is replaced each time when its code or the settings file has changed.
    """
    if reload:
        refuse_reload(launch.settings)
    terminal = Terminal()
    terminal.say(f"Aasim {VERSION}", "bold")
    administrators.refuse_bad_address(email)
    refuse_exposure(launch.settings)
    with _alone_in(launch.settings.data_dir):
        return _run(launch, terminal, email=email, demo=demo, reload=reload)


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


def _run(launch: Launch, terminal: Terminal, *, email: str, demo: bool, reload: bool) -> int:
    settings = launch.settings
    refuse_taken_port(settings, flag="--port" if "server.bind" in launch.flags else None)
    sources = SourceWatch(settings) if reload else None
    app = open_app(settings)
    # Until the supervisor takes over, a stop ends what was begun, such as a download, in the way Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    credentials = _prepare(app, terminal, email)
    supervisor = Supervisor(launch.commands, terminal.trouble, reloads=reload)
    started = time.monotonic()
    with supervisor.running(launch.grace_seconds):
        if supervisor.watch(launch.is_ready, START_SECONDS):
            terminal.done(f"API and worker run ({time.monotonic() - started:.1f} s)")
            if demo:
                _demonstrate(app, launch.address, supervisor, terminal)
            else:
                _introduce(launch, terminal, credentials)
                _keep_running(supervisor, launch, sources, terminal)
            terminal.say("Stopping; running work finishes first.")
        elif not supervisor.is_stopping:
            raise StartupError(f"the API did not answer on {settings.server.bind} within {START_SECONDS} s", exit_code=69)
    return supervisor.exit_code


def _keep_running(supervisor: Supervisor, launch: Launch, sources: SourceWatch | None, terminal: Terminal) -> None:
    if sources is None:
        supervisor.watch()
    else:
        reload_until_stop(supervisor, launch, sources, terminal)


def _demonstrate(app: "App", address: str, supervisor: Supervisor, terminal: Terminal) -> None:
    """Run the demonstration while watching the processes, so that a stop or a fatal failure ends it too."""
    shown: Future[None] = Future()

    def show() -> None:
        try:
            demonstrate(app, address, terminal.say)
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


def _introduce(launch: Launch, terminal: Terminal, credentials: Credentials | None) -> None:
    address = launch.address
    email, password = (credentials.email, credentials.password) if credentials else ("admin@example.com", "…")
    terminal.say(f"\n  Reference  {address}/docs\n  Try:")
    terminal.say(
        f"""  curl -s {address}/api/v1/auth/login -H 'Content-Type: application/json' \\\n"""
        f"""    -d '{{"email": "{email}", "password": "{password}"}}'""",
        "cyan",
    )
    terminal.say("\nCtrl-C stops.")
