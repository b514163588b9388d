"""The command line: what it lists, what it says when something is wrong, and how fast it answers."""

import errno
import os
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import click
import peewee
import pytest
from click.testing import CliRunner

from aasim_core.cli import COMMANDS, cli
from aasim_core.errors import Invalid, Problem, Refused, StartupError
from aasim_core.plugins.manifest import RESERVED
from aasim_core.process.installation import prepare, refuse_exposure, refuse_taken_port
from aasim_core.secrets import load_keyring
from aasim_core.settings import Settings
from aasim_core.terminal.exit_codes import explain
from aasim_core.version import VERSION

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``aasim`` in an empty folder; keywords are environment variables."""

    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-P", "-m", "aasim_core", *arguments]
        environ = {**os.environ, **environ}
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=300)

    return run


def test_no_plugin_may_be_called_like_a_command() -> None:
    assert set(COMMANDS) == RESERVED


def test_help_lists_the_commands_without_importing_them(run: Run) -> None:
    done = run("--help", PYTHONPROFILEIMPORTTIME="1")
    for name, place in COMMANDS.items():
        assert name in done.stdout
        assert f" {place.module}\n" not in done.stderr
    for heavy in ("falcon", "peewee", "gunicorn", "cryptography", "rich", "marshmallow"):
        assert f" {heavy}\n" not in done.stderr


@pytest.mark.long
def test_a_general_option_behind_a_command_is_told_its_place(run: Run) -> None:
    done = run("plugins", "list", "--data", "elsewhere")
    assert done.returncode == 2
    assert "No such option '--data'. Write it before the command: aasim --data … plugins list" in done.stderr


@pytest.mark.long
def test_help_takes_less_than_300_milliseconds_of_the_processor(run: Run) -> None:
    before = os.times()
    for _ in range(3):
        run("--help")
    after = os.times()
    used = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    assert used / 3 < 0.3


def paths(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """The words of a command, and of each below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from paths(cast(click.Command, command.get_command(context, name)), *path, name)


@pytest.mark.parametrize("path", list(paths(cli)), ids=" ".join)
def test_each_command_has_help(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AASIM_BIND", "nowhere")
    helped = CliRunner().invoke(cli, [*path, "--help"], prog_name="aasim")
    assert (helped.exit_code, helped.output.splitlines()[0].startswith(" ".join(["Usage: aasim", *path]))) == (0, True), (
        helped.output
    )


def test_help_of_a_command_works_with_broken_settings(run: Run) -> None:
    done = run("serve", "--help", AASIM_BIND="nowhere")
    assert done.returncode == 0
    assert "--bind HOST:PORT" in done.stdout


def test_the_version_is_that_of_the_distribution(run: Run) -> None:
    assert run("--version").stdout == f"aasim, version {VERSION}\n"


@pytest.mark.long
def test_bad_settings_are_sentences_and_exit_code_78(run: Run) -> None:
    done = run("--set", "server.bnd=1", "config", "check", AASIM_WORKER__THREADS="many")
    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        '[server] has no setting "bnd" (command line); did you mean "bind"?',
        "worker.threads (AASIM_WORKER__THREADS) is 'many'; write a whole number",
    ]


@pytest.mark.long
def test_a_flag_may_stand_before_or_after_the_command(run: Run, tmp_path: Path) -> None:
    assert 'data_dir = "before"' in run("--data", "before", "config", "show").stdout
    run("migrate", "--data", "after")
    assert (tmp_path / "after" / "secrets.json").exists()


@pytest.mark.long
def test_settings_are_shown_without_secrets(run: Run) -> None:
    shown = run(
        "config", "show", AASIM_DATABASE_URL="postgresql://aasim:hunter22@db/aasim", AASIM_MAIL__PASSWORD="hunter22"
    ).stdout
    assert "hunter22" not in shown
    assert 'url = "postgresql://***@db/aasim"' in shown


@pytest.mark.long
def test_the_template_is_the_settings_file_of_the_checkout(run: Run, root: Path) -> None:
    assert run("config", "template").stdout == (root / "config" / "aasim.toml").read_text(encoding="utf-8")


@pytest.mark.long
def test_an_unknown_command_gets_the_nearest_name(run: Run) -> None:
    done = run("migrat")
    assert done.returncode == 2
    assert 'There is no command and no plugin "migrat". Did you mean "migrate"?' in done.stderr


@pytest.mark.long
def test_keys_are_created_rotated_and_listed(run: Run, tmp_path: Path) -> None:
    created = run("secrets", "create")
    assert (created.returncode, f"Wrote the keys to {tmp_path / 'var' / 'secrets.json'}" in created.stdout) == (0, True)
    assert stat.S_IMODE((tmp_path / "var" / "secrets.json").stat().st_mode) == 0o600
    first = run("secrets", "list").stdout.split()
    again = run("secrets", "create")
    assert (again.returncode, "add a new key to it" in again.stderr) == (65, True)
    assert run("secrets", "rotate").returncode == 0
    assert run("secrets", "list").stdout.split()[1:] == first


def settings_in(folder: Path, **flags: Any) -> Settings:
    return Settings.load({"data_dir": str(folder), **{k.replace("__", "."): v for k, v in flags.items()}}, environ={})


def test_data_folder_and_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data")
    prepare(settings)
    made = load_keyring(settings.secrets.key_file).key_ids
    prepare(settings)
    assert load_keyring(settings.secrets.key_file).key_ids == made
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(settings.secrets.key_file.stat().st_mode) == 0o600


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"the data folder .*/file/data cannot be written .* AASIM_DATA_DIR") as caught:
        prepare(settings_in(tmp_path / "file" / "data"))
    assert caught.value.exit_code == 74


def test_a_taken_port_is_named_with_another_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError, match=f"cannot listen on 127.0.0.1:{port} .*Address already in use") as caught:
            refuse_taken_port(settings_in(tmp_path, server__bind=f"127.0.0.1:{port}"))
        assert caught.value.exit_code == 69
    refuse_taken_port(settings_in(tmp_path, server__bind=f"127.0.0.1:{port}"))


def exposure_faults(settings: Settings) -> str:
    with pytest.raises(StartupError) as caught:
        refuse_exposure(settings)
    return "\n".join(caught.value.problems[1:])


@pytest.mark.long
def test_generated_keys_are_refused_where_other_machines_reach_the_server(tmp_path: Path, run: Run) -> None:
    prepare(settings_in(tmp_path))
    refuse_exposure(settings_in(tmp_path))
    public = settings_in(tmp_path, server__bind="0.0.0.0:8000")
    assert "were generated for use on this machine only" in exposure_faults(public)
    assert run("secrets", "rotate", AASIM_DATA_DIR=str(tmp_path)).returncode == 0
    refuse_exposure(public)


def test_missing_keys_are_not_generated_where_other_machines_reach_the_server(tmp_path: Path) -> None:
    public = settings_in(tmp_path, server__bind="0.0.0.0:8000")
    prepare(public)
    assert '"aasim secrets create"' in exposure_faults(public)


@pytest.mark.long
def test_every_weakness_is_named_where_other_machines_reach_the_server(tmp_path: Path, run: Run) -> None:
    run("secrets", "create", AASIM_DATA_DIR=str(tmp_path))
    faults = exposure_faults(
        settings_in(
            tmp_path,
            server__bind="[::]:8000",
            database__url="postgresql://aasim:change-me-please@db/aasim",
            mail__password="short",
            http__cors_origins=["*"],
            log__level="debug",
        )
    )
    assert [fault.partition(" ")[0] for fault in faults.splitlines()] == [
        "database.url",
        "mail.password",
        "http.cors_origins",
        "log.level",
    ]


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (StartupError("one", "two", exit_code=69), "one\ntwo", 69),
        (Refused("conflict", "There is one already."), "There is one already.", 65),
        (Invalid({"email": [Problem("not_unique", "Choose another.")]}), "email: Choose another.", 65),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", 74),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), "no permission for /srv/x", 77),
        (OSError(errno.EADDRINUSE, "Address already in use"), "another process listens on that port", 69),
        (peewee.DatabaseError("database disk image is malformed"), "the database is damaged", 74),
        (sqlite3.DatabaseError("file is not a database"), "aasim restore FILE", 74),
        (peewee.OperationalError("database or disk is full"), "the disk is full", 74),
        (peewee.OperationalError("unable to open database file"), "cannot be opened", 74),
        (peewee.OperationalError("database is locked"), "another process holds the database", 75),
        (peewee.OperationalError("connection failed: port 1 failed: Connection refused\n"), "does not answer", 69),
        (peewee.OperationalError("no such table: core_user"), "run: aasim migrate", 78),
        (peewee.OperationalError("disk I/O error"), "is full or fails", 74),
        (peewee.OperationalError('FATAL:  role "ada" does not exist'), "does not know, or does not let in, the role", 78),
        (peewee.OperationalError("fe_sendauth: no password supplied"), "refuses the user or the password", 78),
        (peewee.ProgrammingError("permission denied for schema public"), "database.migration_url", 77),
        (peewee.OperationalError("FATAL:  sorry, too many clients already"), "try again", 75),
    ],
)
def test_a_known_failure_is_a_sentence_with_its_exit_code(error: Exception, words: str, code: int) -> None:
    sentences, exit_code = explain(error)
    assert words in "\n".join(sentences)
    assert exit_code == code


def test_a_failure_that_cannot_be_written_down_is_a_sentence_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    (sentence,), code = explain(ValueError("odd"))
    assert sentence.endswith("(ValueError); the whole story could not be written down (No such file or directory)")
    assert code == 70


def test_what_happened_first_explains_what_followed() -> None:
    error = peewee.InterfaceError("Error, database connection not opened.")
    error.__context__ = peewee.OperationalError("database or disk is full")
    assert explain(error)[1] == 74


def test_what_we_said_ourselves_counts_before_its_cause() -> None:
    error = StartupError("correct the path", exit_code=78)
    error.__cause__ = PermissionError(errno.EACCES, "Permission denied", "/srv/x")
    assert explain(error) == (["correct the path"], 78)


def test_an_unknown_failure_is_one_sentence_that_names_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (sentence,), code = explain(ValueError("token aasim_sk_" + "abc"))
    assert code == 70
    log = Path(sentence.rpartition(" ")[2])
    assert "ValueError: token ***" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
