"""What keeps a process from starting is told in a sentence that says what to do, with an exit code, and never as a traceback."""

import json
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aasim_core.testing.databases import server_url

from .conftest import Install
from .installation import Installation

#: sysexits.h
UNAVAILABLE, STORAGE, NO_PERMISSION, CONFIGURATION = 69, 74, 77, 78
#: What lets the rights of files count where the tests run as root.
UNPRIVILEGED = () if os.geteuid() else ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
BROKEN = {"AASIM_PLUGINS__FOLDER": "plugins", "AASIM_PLUGINS__ENABLED": '["broken"]'}
DAMAGED = 'the database is damaged; put a backup in its place with "aasim restore FILE"'


def refused(installation: Installation, *arguments: str, code: int, under: Sequence[str] = (), **settings: str) -> str:
    """Run the command, which must end by itself with the code; returns what it said on standard error."""
    done = installation.run(*arguments, under=under, **settings)
    assert done.returncode == code, done
    assert "Traceback" not in done.stdout + done.stderr
    assert list((installation.folder / "tmp").glob("aasim-*.log")) == [], "nobody foresaw it"
    return done.stderr.rstrip("\n")


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
            "there is no settings file nowhere.toml; correct --config or AASIM_CONFIG, or copy config/aasim.toml there",
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


@pytest.mark.parametrize("command", ["worker", pytest.param("up", marks=pytest.mark.long)])
def test_a_data_folder_that_cannot_be_written_is_named(install: Install, command: str) -> None:
    installation = install(empty=True)
    installation.data.mkdir(mode=0o500)
    said = refused(installation, command, code=STORAGE, under=UNPRIVILEGED)
    assert said == (
        f"the data folder {installation.data} cannot be written (Permission denied); "
        "fix that, or name another one in AASIM_DATA_DIR"
    )


def test_a_database_that_cannot_be_written_is_named(installation: Installation) -> None:
    (installation.data / "aasim.db").chmod(0o400)
    said = refused(installation, "serve", code=NO_PERMISSION, under=UNPRIVILEGED)
    assert said == (f"the database {installation.data}/aasim.db cannot be written by this user; give its file and folder to them")


def test_a_key_file_that_cannot_be_read_is_named_with_who_should_own_it(installation: Installation) -> None:
    path = installation.data / "secrets.json"
    path.chmod(0)
    assert refused(installation, "worker", code=NO_PERMISSION, under=UNPRIVILEGED) == (
        f"the key file {path} cannot be read (Permission denied); give it to the user that runs aasim: chown USER {path}"
    )


@pytest.mark.parametrize(
    ("command", "bind", "sentence"),
    [
        ("worker", "127.0.0.1", "the key {key_id} is not in the key file {path}, and "),
        ("serve", "0.0.0.0", 'there is no key file {path}; make one with "aasim secrets create" or restore your backup'),
    ],
)
def test_a_key_file_that_is_lost_is_not_replaced_in_silence(
    installation: Installation, command: str, bind: str, sentence: str
) -> None:
    path = installation.data / "secrets.json"
    key_id = json.loads(path.read_text())["keys"][0]["id"]
    assert installation.run("secrets", "reseal").returncode == 0
    path.unlink()
    said = refused(installation, command, code=CONFIGURATION, AASIM_BIND=f"{bind}:{installation.port}")
    assert sentence.format(key_id=key_id, path=path) in said


def overwrite(content: bytes, at: int) -> Callable[[Path], None]:
    """Damages a file by writing `content` over what is there."""

    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(content)

    return damage


@pytest.mark.parametrize(
    ("command", "damage"),
    [
        pytest.param("serve", lambda path: path.write_bytes(b"This was a database." * 1000), id="serve, another file"),
        pytest.param("worker", overwrite(b"\xa5" * 200_000, at=4096), id="worker, overwritten"),
        pytest.param("up", lambda path: os.truncate(path, 8192), id="up, cut off", marks=pytest.mark.long),
        pytest.param("migrate", overwrite(b"\xa5" * 200_000, at=4096), id="migrate, overwritten", marks=pytest.mark.long),
    ],
)
def test_a_damaged_database_is_left_alone(installation: Installation, command: str, damage: Callable[[Path], None]) -> None:
    path = installation.data / "aasim.db"
    damage(path)
    before = path.read_bytes()
    assert refused(installation, command, code=STORAGE) == DAMAGED
    assert path.read_bytes() == before


def test_a_damaged_queue_is_not_taken_for_the_database(installation: Installation) -> None:
    path = installation.data / "queue.db"
    path.write_bytes(b"This was a queue." * 1000)
    assert refused(installation, "worker", code=STORAGE) == (
        f"the queue {path} cannot be used (file is not a database); stop API and worker, and delete it: "
        "it only wakes workers, and holds no work"
    )
    installation.serve()
    ada = installation.visitor.register()
    execution = ada.execute(ada.agent("Done."))
    path.unlink()
    installation.start("worker")
    ada.becomes(execution, "succeeded")


@pytest.mark.parametrize("command", ["serve", pytest.param("worker", marks=pytest.mark.long)])
def test_a_database_without_migrations_is_told_how_to_get_them(install: Install, command: str) -> None:
    said = refused(install(empty=True), command, code=CONFIGURATION)
    assert said.startswith("the database lacks ")
    assert said.endswith("; run: aasim migrate")


@pytest.mark.parametrize(
    ("url", "sentence", "code"),
    [
        (
            "postgresql://ada:{secret}@127.0.0.1:9/aasim",
            "the database does not answer; start it, or correct database.url",
            UNAVAILABLE,
        ),
        (
            "mysql://ada:{secret}@127.0.0.1/aasim",
            "database.url (AASIM_DATABASE_URL) is not valid; write "
            '"sqlite:///path/to/file.db" (four slashes for an absolute path) or "postgresql://user:password@host:5432/name"',
            CONFIGURATION,
        ),
    ],
)
def test_a_database_that_does_not_answer_is_a_sentence_without_the_password(
    installation: Installation, url: str, sentence: str, code: int
) -> None:
    url = url.format(secret=installation.secrets.new("pw"))
    assert refused(installation, "worker", code=code, AASIM_DATABASE_URL=url) == sentence


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("user", "database", "sentence"),
    [
        ("postgres", "nowhere_to_be_found", "the database is not there or not up to date; create it, then run: aasim migrate"),
        (
            "nobody_known",
            "postgres",
            "the database does not know, or does not let in, the role that database.url or database.app_role names",
        ),
    ],
)
def test_a_database_server_that_refuses_is_a_sentence(
    installation: Installation, user: str, database: str, sentence: str
) -> None:
    server = urlsplit(server_url())
    url = f"postgresql://{user}@{server.hostname}:{server.port or 5432}/{database}"
    assert refused(installation, "serve", code=CONFIGURATION, AASIM_DATABASE_URL=url).startswith(f"{sentence}; the server says: ")


@pytest.mark.parametrize(
    ("content", "reason"), [('{"keys": 7}', "a part is missing"), ("", "it is not JSON")], ids=["no keys", "empty"]
)
def test_a_bad_key_file_says_how_a_good_one_looks(installation: Installation, content: str, reason: str) -> None:
    path = installation.data / "secrets.json"
    path.write_text(content)
    assert refused(installation, "serve", code=CONFIGURATION) == (
        f"the key file {path} is not a key ring ({reason}); it must be JSON such as "
        '{"keys": [{"id": "k1", "key": "<32 random bytes in base64url>"}]}, made by "aasim secrets create"'
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
