"""A plugin that exits in a request, or whose threads never end, ends no process, and keeps none."""

import http.client
import signal
import time
from pathlib import Path

import pytest

from ..conftest import Install
from ..installation import Installation

STUBBORN = """
import sys
import threading

from aasim_core import Plugin, Request, Resource, Response, hookimpl, operation
from aasim_core.http.operations import PUBLIC

plugin = Plugin("Stubborn", "Exits, and does not end.")


def forever():
    threading.Event().wait()


if "check" in sys.argv:
    print("it is imported")
    threading.Thread(target=forever, name="since-import").start()


class Stubborn(Resource):
    paths = {"": "/stubborn", "stream": "/stubborn/stream"}

    @operation(PUBLIC, message="Read.")
    def on_get(self, req: Request, resp: Response) -> None:
        '''End the program.'''
        sys.exit(3)

    @operation(PUBLIC, message="Streamed.")
    def on_get_stream(self, req: Request, resp: Response) -> None:
        '''End the program in the middle of a stream.'''
        resp.stream = (sys.exit(3) for _ in range(1))


@hookimpl
def routes(app):
    return [Stubborn()]


@hookimpl
def startup(app):
    threading.Thread(target=forever, name="since-startup").start()


@hookimpl
def shutdown(app):
    forever()
"""


def with_stubborn(install: Install) -> Installation:
    installation = install(AASIM_PLUGINS__ENABLED='["stubborn"]')
    installation.faulty = "stubborn"
    folder = installation.folder / "plugins" / "stubborn"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(STUBBORN)
    installation.settings["AASIM_PLUGINS__FOLDER"] = str(folder.parent)
    return installation


def line_of(text: str) -> int:
    return STUBBORN.splitlines().index(text) + 1


def test_the_api_survives_what_exits_and_ends_although_threads_do_not(install: Install) -> None:
    installation = with_stubborn(install)
    server = installation.serve()
    pids = Path(f"/proc/{server.popen.pid}/task/{server.popen.pid}/children").read_text()
    nobody = installation.visitor
    assert [nobody.get("/stubborn").status for _ in range(2)] == [500, 500]
    server.says(f"SystemExit: 3 (stubborn/__init__.py:{line_of('        sys.exit(3)')})")
    with pytest.raises((http.client.HTTPException, OSError)):
        nobody.get("/stubborn/stream")
    server.says("an answer was not finished")
    assert nobody.get("/health/live").status == 200
    assert Path(f"/proc/{server.popen.pid}/task/{server.popen.pid}/children").read_text() == pids
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 60
    assert "a plugin does not shut down" in server.output
    assert (
        f"the thread since-startup does not end (stubborn/__init__.py:{line_of('    threading.Event().wait()')})" in server.output
    )


def test_a_worker_and_commands_end_although_threads_do_not(install: Install) -> None:
    installation = with_stubborn(install)
    worker = installation.start("worker")
    worker.says("the worker is ready")
    assert worker.stop(signal.SIGINT) == 0
    assert "the thread since-startup does not end (stubborn/__init__.py:" in worker.output
    checked = installation.run("plugins", "check", seconds=60)
    assert (checked.returncode, checked.stdout) == (0, "Nothing is wrong with the plugins.\n")
    assert "it is imported" in checked.stderr
    assert "the thread since-import does not end (stubborn/__init__.py:" in checked.stderr
