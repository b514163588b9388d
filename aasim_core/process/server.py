"""The API process: gunicorn, configured from our settings only."""

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog

from ..clock import to_text
from ..data.faults import fault_of
from ..data.installation import held_since
from ..data.persistence import patient
from ..errors import StartupError
from ..logs.repeated_errors import kind_of
from ..settings import Settings
from ..terminal.exit_codes import CONFIGURATION, TRY_AGAIN, report
from .startup import start_plugins, starting, stop_plugins

if TYPE_CHECKING:
    from ..app import App

#: What tells gunicorn's worker to stop at once: its master sends the last, and Ctrl-C reaches all processes of a terminal.
_HASTY_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
#: gunicorn's ``WORKER_BOOT_ERROR``: a worker that exits with it is not restarted, and ends its master.
_BOOT_ERROR = 3
#: How long a process that starts waits for a database that is away.
_DATABASE_SECONDS = 10
#: Where gunicorn's workers write their heartbeats: in memory, so that they do not wait for a disk.
_MEMORY = "/dev/shm"  # noqa: S108 - only a folder to look for
_log = structlog.get_logger("aasim.server")


def run(settings: Settings) -> None:
    """Serve until told to stop: the app is built once to see that it can be, then in each worker process.

    A process that starts while the database is away waits for it, and ends nothing but itself.
    """
    with starting():
        from gunicorn.app.base import BaseApplication

        from ..bootstrap import build_app
        from ..serving.application import make_wsgi
        from .gunicorn_master import Master

        _refuse_unfit(build_app(settings))

    class Server(BaseApplication):
        """gunicorn without its command line and its configuration files."""

        server = settings.server

        def load_config(self) -> None:
            for name, value in _options(settings).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            try:
                with starting(), patient(_DATABASE_SECONDS):
                    app = start_plugins(build_app(settings))
                    app.notifier.prepare()
                    _follow_process(app)
                    return make_wsgi(app)
            except StartupError as error:
                if says_why.is_first():
                    report(error)
                sys.exit(_BOOT_ERROR)
            except Exception as error:
                if fault_of(error) is None:
                    raise
                # The database was there when the server started. The master starts another process, until it is there again.
                _log.warning("the process starts again, since the database is away", pid=os.getpid(), error=kind_of(error))
                sys.exit(TRY_AGAIN)

        def run(self) -> None:
            Master(self).run()

    master, says_why = os.getpid(), _Once()
    try:
        Server().run()
    except SystemExit as ended:
        # The workers come this way too: one that could not start has said why, and ends its master by its code.
        sys.exit(CONFIGURATION if ended.code == _BOOT_ERROR and os.getpid() == master else ended.code)


def _refuse_unfit(app: "App") -> None:
    from .installation import refuse_unfit_database

    refuse_unfit_database(app)
    app.database.close()


def _options(settings: Settings) -> dict[str, Any]:
    server = settings.server
    options: dict[str, Any] = {
        "bind": server.bind,
        "workers": server.workers,
        "threads": server.threads,
        "worker_class": "aasim_core.process.gunicorn_worker.Worker",
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
    """Stop the plugins with the process, and begin to drain as soon as the process is told to stop."""
    atexit.register(stop_plugins, app)
    _register(app)
    signal.signal(
        signal.SIGHUP, signal.SIG_IGN
    )  # a terminal that closes sends it to all, and the master ends its workers in order
    came: list[int] = []
    _drain_at(app, came, signal.SIGTERM, app.settings.server.drain_seconds)
    for number in _HASTY_SIGNALS:
        _drain_at(app, came, number)
    atexit.register(_ignore_signals)  # last, and therefore called first


def _ignore_signals() -> None:
    """Let nothing interrupt what is done at the end; the master kills a process that does not end in time."""
    for number in (signal.SIGTERM, *_HASTY_SIGNALS) * 2:  # Python first handles one that has come, and then sets nothing
        with suppress(SystemExit):
            signal.signal(number, signal.SIG_IGN)


def _register(app: "App") -> None:
    """Let others see that this process is there, from now to its end."""
    with app.database.connected():
        app.process.beat()
        since = held_since()
    over = threading.Event()
    app.process.keep_beating(over)
    atexit.register(_unregister, app, over)
    if since is not None:
        _log.warning("the installation is held; nothing leaves it until: aasim resume", reason=f"held since {to_text(since)}")
    _log.info("the API is ready", pid=os.getpid(), url=f"http://{app.settings.server.bind}")


def _unregister(app: "App", over: threading.Event) -> None:
    over.set()
    with suppress(Exception), app.database.connected():  # its row is forgotten after a while
        app.process.leave()
    _log.info("the API ends", pid=os.getpid())


class _Once:
    """Something that one of several processes does, which are forked from this one."""

    def __init__(self) -> None:
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.write(writer, b"1")
        os.close(writer)

    def is_first(self) -> bool:
        """Whether nobody has asked yet."""
        return os.read(self._reader, 1) != b""


def _drain_at(app: "App", came: list[int], number: int, seconds: int = 0) -> None:
    """On the signal, refuse new requests, and stop after this many seconds, or when the signal comes again.

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
