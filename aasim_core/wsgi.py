"""The API process: gunicorn, configured from our settings only."""

import atexit
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .settings import Settings

if TYPE_CHECKING:
    from .app import App

#: What tells a worker to stop: gunicorn sends the first or the last, and Ctrl-C reaches all processes of a terminal.
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
#: Where gunicorn's workers leave their sign of life: in memory, so that it does not wait for a disk.
_MEMORY = "/dev/shm"  # noqa: S108 - only a folder to look for


def run(settings: Settings) -> None:
    """Serve until told to stop: the app is built once to see that it can be, then in each worker process."""
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
            app = build_app(settings)
            app.doorbell.prepare()
            _follow_process(app)
            return make_wsgi(app)

    Server().run()


def _options(settings: Settings) -> dict[str, Any]:
    server = settings.server
    options: dict[str, Any] = {
        "bind": server.bind,
        "workers": server.workers,
        "threads": server.threads,
        "worker_class": "gthread",
        "keepalive": server.keepalive_seconds,
        "graceful_timeout": server.graceful_timeout_seconds,
        "timeout": 120,
        "forwarded_allow_ips": ",".join(server.trusted_proxies) or "127.0.0.1",
        "proc_name": "aasim serve",
        "preload_app": False,
        "control_socket_disable": True,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "warning",
    }
    if Path(_MEMORY).is_dir():
        options["worker_tmp_dir"] = _MEMORY
    return options


def _follow_process(app: "App") -> None:
    """Start the plugins, stop them with the process, and begin to drain as soon as the process is told to stop."""
    for _ in app.plugins.each("startup", app=app):
        pass
    atexit.register(lambda: [None for _ in app.plugins.each("shutdown", app=app)])
    for number in _STOP_SIGNALS:
        _drain_at(app, number)


def _drain_at(app: "App", number: int) -> None:
    stop = signal.getsignal(number)

    def drain(number: int, frame: FrameType | None) -> None:
        app.draining.set()
        if callable(stop):
            stop(number, frame)

    signal.signal(number, drain)
