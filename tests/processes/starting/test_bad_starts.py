"""What keeps a process from starting is told in a sentence that says what to do, with an exit code, and never as a traceback."""

import os
import socket

import pytest

from ..conftest import Install
from ..installation import Installation
from ..refusals import CONFIGURATION, UNAVAILABLE, refused

BROKEN = {"AASIM_PLUGINS__FOLDER": "plugins", "AASIM_PLUGINS__ENABLED": '["broken"]'}


def test_wrong_settings_are_named_all_at_once_with_what_to_write(installation: Installation) -> None:
    wrong = {"AASIM_SERVER__BNID": "1", "AASIM_SERVER__WORKERS": "0", "AASIM_WORKER__THREADS": "many"}
    assert refused(installation, "serve", code=CONFIGURATION, **wrong).splitlines() == [
        '[server] has no setting "bnid" (AASIM_SERVER__BNID); did you mean "bind"?',
        "server.workers (AASIM_SERVER__WORKERS) is '0'; write a number from 1 to 128",
        "worker.threads (AASIM_WORKER__THREADS) is 'many'; write a whole number",
    ]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"AASIM_SERVRE__BIND": "1"}, 'there is no section "servre" (AASIM_SERVRE__BIND); did you mean "server"?'),
        (
            {"AASIM_EXECUTIONS__QUEUE_LIMIT": "many"},
            "executions.queue_limit (AASIM_EXECUTIONS__QUEUE_LIMIT) is 'many'; write a whole number",
        ),
        (
            {"AASIM_CONFIG": "nowhere.toml"},
            "there is no settings file nowhere.toml; correct --config or AASIM_CONFIG, or write one: aasim config template > nowhere.toml",
        ),
        (
            {"AASIM_PLUGINS__ENABLED": '["agnts"]'},
            'Plugin agnts is named in plugins.enabled and not installed; did you mean "agents"?',
        ),
        (
            {"AASIM_PLUGINS__FOLDER": "nowhere"},
            "plugins.folder names nowhere, which is no folder; make it, or remove the setting.",
        ),
    ],
    ids=["section", "a plugin's", "file", "plugin", "folder"],
)
def test_a_wrong_setting_is_named_with_what_to_write(installation: Installation, settings: dict[str, str], sentence: str) -> None:
    assert refused(installation, "worker", code=CONFIGURATION, **settings) == sentence


@pytest.mark.parametrize("command", ["serve", pytest.param("up", marks=pytest.mark.long)])
def test_a_plugin_that_does_not_import_is_named_with_its_line(installation: Installation, command: str) -> None:
    break_plugin(installation)
    assert refused(installation, command, code=CONFIGURATION, **BROKEN) == (
        "Plugin broken does not import: ModuleNotFoundError: No module named 'nowhere_to_be_found' (broken/__init__.py:2)."
    )


def test_where_broken_plugins_are_skipped_the_rest_runs(installation: Installation) -> None:
    break_plugin(installation)
    server = installation.serve(AASIM_PLUGINS__ON_ERROR="skip", **BROKEN)
    assert installation.visitor.register().get("/agents").status == 200
    listed = installation.run("plugins", "list", AASIM_PLUGINS__ON_ERROR="skip", **BROKEN).stdout
    assert "Plugin broken does not import: ModuleNotFoundError: No module named 'nowhere_to_be_found'" in listed
    assert server.stop() == 0


@pytest.mark.parametrize("command", ["serve", "worker", "up"])
def test_a_plugin_that_is_not_ready_says_why(installation: Installation, command: str) -> None:
    write_plugin(installation, SHUT)
    assert "The shop is shut; open it." in refused(installation, command, code=CONFIGURATION, **BROKEN).splitlines()


def test_several_processes_of_the_api_that_cannot_start_say_so_once(installation: Installation) -> None:
    write_plugin(installation, SHUT)
    said = refused(installation, "serve", code=CONFIGURATION, AASIM_SERVER__WORKERS="4", **BROKEN)
    assert said.splitlines().count("The shop is shut; open it.") == 1


def test_where_broken_plugins_are_skipped_one_that_is_not_ready_is_left_out(installation: Installation) -> None:
    write_plugin(installation, SHUT)
    server = installation.serve(AASIM_PLUGINS__ON_ERROR="skip", **BROKEN)
    worker = installation.start("worker", AASIM_PLUGINS__ON_ERROR="skip", **BROKEN)
    assert "cannot start: The shop is shut; open it" in worker.says("the worker is ready")
    assert installation.visitor.register().get("/agents").status == 200
    assert "cannot start: The shop is shut; open it" in server.output
    assert (server.stop(), worker.stop()) == (0, 0)


#: A plugin whose hook `startup` refuses.
SHUT = """
from aasim_core import Plugin, StartupError, hookimpl

plugin = Plugin("Broken", "Is shut.")


@hookimpl
def startup(app):
    raise StartupError("The shop is shut; open it.")
"""


def break_plugin(installation: Installation) -> None:
    """Drop a plugin in that needs a package that is not there."""
    write_plugin(
        installation, 'from aasim_core import Plugin\nimport nowhere_to_be_found\nplugin = Plugin("Broken", "Does not import.")\n'
    )


def write_plugin(installation: Installation, code: str) -> None:
    """Drop the plugin `broken` in."""
    folder = installation.folder / "plugins" / "broken"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(code)


@pytest.mark.parametrize("command", ["serve", pytest.param("up", marks=pytest.mark.long)])
def test_a_taken_port_is_named_with_another_one(installation: Installation, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(installation, command, code=UNAVAILABLE, AASIM_BIND=f"127.0.0.1:{port}")
    assert said == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use); stop what listens there, or choose another address: "
        f"AASIM_BIND=127.0.0.1:{port + 1 if port < 65535 else 8000}"
    )


def test_a_model_that_cannot_be_fetched_is_a_sentence_that_says_what_to_do(install: Install) -> None:
    offline = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    installation = install(AASIM_PLUGINS__DISABLED="[]")
    said = refused(installation, "up", code=UNAVAILABLE, **offline)
    assert said.startswith("the model cannot be downloaded (")
    assert said.endswith(
        "); connect this machine to the network for this one step, or copy SmolLM2-135M-Instruct.Q4_1.gguf from another "
        "installation and set engine_local.model_path"
    )


def test_a_model_that_is_not_where_the_settings_say_is_named(install: Install) -> None:
    installation = install(AASIM_PLUGINS__DISABLED="[]", AASIM_ENGINE_LOCAL__MODEL_PATH="/nowhere/model.gguf")
    assert refused(installation, "up", code=CONFIGURATION) == (
        "engine_local.model_path names /nowhere/model.gguf, which does not exist; write the path of a GGUF file"
    )
