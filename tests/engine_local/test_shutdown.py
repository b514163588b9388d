"""A process that drains needs the engine host no longer."""

import os
from pathlib import Path

from aasim_core.app import App
from aasim_core.process.startup import stop_plugins
from aasim_plugins.engine_local.host import CLIENTS
from aasim_plugins.engine_local.locks import EXCLUSIVE, opened, try_lock
from aasim_plugins.engine_local.service import SUPERVISOR


def is_free(file: Path) -> bool:
    """Whether no client is left, for which the host waits to end."""
    descriptor = opened(file)
    try:
        return try_lock(descriptor, EXCLUSIVE)
    finally:
        os.close(descriptor)


def test_the_host_is_released_when_the_process_drains(app: App, tmp_path: Path) -> None:
    app.stash.of(SUPERVISOR)._join(tmp_path)
    assert not is_free(tmp_path / CLIENTS)
    stop_plugins(app)
    assert is_free(tmp_path / CLIENTS)


def test_a_process_that_never_asked_for_the_host_makes_nothing_to_release(app: App) -> None:
    stop_plugins(app)
    assert app.stash.find(SUPERVISOR) is None
