"""Start a long-running process with the enabled plugins."""

import gc
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog

from ..collecting.table_rules import table_flaws
from ..data.migrator.runner import columns_in
from ..errors import StartupError
from ..plugins import without
from ..plugins.registry import Loaded, PluginFailed, ask, sentence
from .ending import SECONDS, ends_within

if TYPE_CHECKING:
    from ..app import App

#: Why plugins cannot start, by their names, as phrases; and the error that says so.
Failures = tuple[Mapping[str, str], StartupError]
#: A process of the API keeps up to 1000 connections to clients, and others to the database, to Redis and to other servers.
MANY_FILES = 4096
_log = structlog.get_logger("aasim.plugins")


@contextmanager
def starting() -> Iterator[None]:
    """Look for no garbage inside, and later not among what was made inside.

    Nearly all of that stays, and there is much of it: to look through it takes a sixth of the start, and again now and then the time of
    several requests (see `gc.freeze`).
    """
    _open_more_files()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _open_more_files() -> None:
    """Ask for as many open files as a process with many clients needs: a shell and systemd let it have 1024 unless it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def start_plugins(app: "App") -> "App":
    """Ask each plugin's hook `startup`, in the order of dependencies; returns the app to continue with.

    Raises the StartupError of the first one that fails, before that of all plugins, not bundled, whose tables are not as their records
    say. With ``plugins.on_error = "skip"`` such a plugin is broken instead, what requires it blocked, and the app another one, without
    them. Plugins that had started are shut down before, and started again in the new app.
    """
    while failed := _wrong_tables(app) or _started(app):
        app = _without(app, *failed)
    return app


def stop_plugins(app: "App") -> None:
    """Ask each plugin's hook `shutdown`; one that fails is written to the log and stops nothing, nor does one that does not end."""
    left = [plugin.name for plugin in app.plugins.on]

    def stop() -> None:
        for plugin in app.plugins.on:
            _stop(app, (plugin,))
            left.pop(0)

    if not ends_within(SECONDS, stop):
        _log.error("a plugin does not shut down", plugin=left[0], hook="shutdown", seconds=SECONDS)


def _wrong_tables(app: "App") -> Failures | None:
    """The plugins from elsewhere whose tables lack what their records have, or demand what they lack; it would fail at the first write."""
    strangers = [plugin.name for plugin in app.plugins.on if not plugin.bundled]
    if not strangers:
        return None
    flaws = table_flaws(app.plugins, strangers, app.models, partial(columns_in, app.database), midway=True, applied=True)
    return (flaws, StartupError(*(sentence(name, flaw) for name, flaw in flaws.items()))) if flaws else None


def _started(app: "App") -> Failures | None:
    """Start the plugins; the first one that fails, after those before it are stopped again."""
    on = app.plugins.on
    for place, plugin in enumerate(on):
        try:
            ask(app.plugins.manager, on, plugin, "startup", app=app)
        except StartupError as error:
            _stop(app, on[:place])
            own = f"cannot start: {' '.join(error.problems).rstrip('.')}"
            return {plugin.name: error.reason if isinstance(error, PluginFailed) else own}, error
    return None


def _stop(app: "App", plugins: Sequence[Loaded]) -> None:
    for plugin in plugins:
        try:
            ask(app.plugins.manager, app.plugins.on, plugin, "shutdown", app=app)
        except StartupError as error:
            _log.error("a plugin failed to shut down", plugin=plugin.name, reason=str(error))


def _without(app: "App", reasons: Mapping[str, str], error: StartupError) -> "App":
    """The app without the plugins that failed, if the settings say so; else raises the error."""
    from ..bootstrap import build_app

    rest = without(app.plugins, reasons)
    if rest.fatal or app.settings.plugins.on_error == "stop":
        raise error
    for plugin, reason in reasons.items():
        _log.error("a plugin is left out", plugin=plugin, reason=reason)
    return build_app(app.settings, database=app.database, plugins=rest)
