"""The API process: gunicorn, configured from our settings only."""

import atexit
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .errors import StartupError
from .exits import CONFIGURATION, report
from .settings import Settings
from .starting import starting

if TYPE_CHECKING:
    from .app import App

#: What tells gunicorn's worker to stop at once: its master sends the last, and Ctrl-C reaches all processes of a terminal.
_HASTY_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
#: gunicorn's ``WORKER_BOOT_ERROR``: whoever ends with it is not started again, and ends its master.
_BOOT_ERROR = 3
#: Where gunicorn's workers leave their sign of life: in memory, so that it does not wait for a disk.
_MEMORY = "/dev/shm"  # noqa: S108 - only a folder to look for


def run(settings: Settings) -> None:
    """Serve until told to stop: the app is built once to see that it can be, then in each worker process."""
    with starting():
        from gunicorn.app.base import BaseApplication

        from .app import build_app
        from .http.application import make_wsgi
        from .installation import refuse_unfit_database

        checked = build_app(settings)
        refuse_unfit_database(checked)
        checked.database.close()

    class Server(BaseApplication):
        """gunicorn without its command line and its configuration files."""

        def load_config(self) -> None:
            for name, value in _options(settings).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            with starting():
                app = build_app(settings)
                app.doorbell.prepare()
                _follow_process(app)
                return make_wsgi(app)

    master = os.getpid()
    try:
        Server().run()
    except SystemExit as ended:
        # The workers come this way too: one that could not start has said why, and ends its master by its code.
        sys.exit(CONFIGURATION if ended.code == _BOOT_ERROR and os.getpid() == master else ended.code)


def _options(settings: Settings) -> dict[str, Any]:
    server = settings.server
    options: dict[str, Any] = {
        "bind": server.bind,
        "workers": server.workers,
        "threads": server.threads,
        "worker_class": "aasim_core.http.gunicorn_worker.Worker",
        "keepalive": server.keepalive_seconds,
        "graceful_timeout": server.drain_seconds + server.graceful_timeout_seconds,
        "timeout": 120,
        "forwarded_allow_ips": ",".join(server.trusted_proxies) or "127.0.0.1",
        "proc_name": "aasim serve",
        "preload_app": False,
        "control_socket_disable": True,
        "on_starting": _stop_at_hangup,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "warning",
    }
    if Path(_MEMORY).is_dir():
        options["worker_tmp_dir"] = _MEMORY
    return options


def _stop_at_hangup(arbiter: Any) -> None:
    """SIGHUP would make gunicorn replace its workers by others with the same settings; nobody who sends it wants that."""
    arbiter.handle_hup = arbiter.handle_term


def _follow_process(app: "App") -> None:
    """Start the plugins, stop them with the process, and begin to drain as soon as the process is told to stop."""
    if not _tell_plugins(app, "startup"):
        sys.exit(_BOOT_ERROR)
    atexit.register(_tell_plugins, app, "shutdown")
    signal.signal(
        signal.SIGHUP, signal.SIG_IGN
    )  # a terminal that closes sends it to all, and the master ends its workers in order
    came: list[int] = []
    _drain_at(app, came, signal.SIGTERM, app.settings.server.drain_seconds)
    for number in _HASTY_SIGNALS:
        _drain_at(app, came, number)


def _tell_plugins(app: "App", hook: str) -> bool:
    """Ask every plugin; False, and why on standard error, where one fails."""
    try:
        for _ in app.plugins.each(hook, app=app):
            pass
    except StartupError as error:
        report(error)
        return False
    return True


def _drain_at(app: "App", came: list[int], number: int, seconds: int = 0) -> None:
    """At the signal say that no more requests are wanted, and stop so many seconds later, or when the signal comes again.

    `came` are the signals of the process so far. Only the first one takes the event's lock: one that comes meanwhile would wait for it
    in the very thread that holds it.
    """
    stop = signal.getsignal(number)

    def drain(number: int, frame: FrameType | None) -> None:
        is_first = not came
        came.append(number)
        if is_first:
            app.draining.set()
        if is_first and seconds:
            again = threading.Timer(seconds, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
        elif callable(stop):
            stop(number, frame)

    signal.signal(number, drain)
