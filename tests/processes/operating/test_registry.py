"""Processes that run are seen by others: workers in a list and in health, and every process by who wants to purge a plugin."""

from ...bench.processes import eventually
from ..conftest import Install
from ..installation import Installation


def test_workers_are_listed_from_their_start_to_their_end(installation: Installation) -> None:
    assert installation.run("workers", "list").stdout == "0 alive.\n"
    worker = installation.start("worker")
    worker.says("the worker is ready")
    assert installation.run("workers", "list").stdout.endswith("1 alive.\n")
    assert worker.stop() == 0
    assert installation.run("workers", "list").stdout == "0 alive.\n"


def test_the_log_says_when_the_api_is_ready_and_when_it_ends(installation: Installation) -> None:
    api = installation.serve()
    assert '"event":"the API is ready"' in api.says("the API is ready")
    api.stop()
    assert '"event":"the API ends"' in api.output


def test_a_plugin_is_not_purged_under_processes_that_have_it_on(install: Install) -> None:
    installation = install()
    off = {"AASIM_PLUGINS__DISABLED": '["engine_local", "rubrics"]'}
    api = installation.serve()
    refused = installation.run("plugins", "purge", "rubrics", "--yes", **off)
    assert refused.returncode == 75
    assert "Plugin rubrics is still on in running processes" in refused.stderr
    api.stop()
    eventually(lambda: installation.rows("SELECT count(*) FROM core_process") == [(0,)], "the end of the API")
    assert installation.run("plugins", "purge", "rubrics", "--yes", **off).returncode == 0
