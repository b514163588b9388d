"""What an operator types: administrators, backups, verification, and a second start on the same folder."""

import sqlite3
from contextlib import closing

from ..conftest import Install
from ..installation import Installation

EMAIL = "ada@example.com"


def test_an_administrator_is_listed_and_gets_a_new_password(installation: Installation) -> None:
    assert "There is no administrator" in installation.run("admin", "list").stdout
    installation.run("admin", "create", "--email", EMAIL, "--generate")
    assert EMAIL in installation.run("admin", "list").stdout
    reset = installation.run("admin", "reset-password", "--email", EMAIL, "--generate")
    password = reset.stdout.rpartition(": ")[2].strip()
    installation.serve()
    assert installation.visitor.post("/auth/login", {"email": EMAIL, "password": password}).status == 200
    unknown = installation.run("admin", "reset-password", "--email", "nobody@example.com", "--generate")
    assert (unknown.returncode, "aasim admin list" in unknown.stderr) == (65, True)


def test_a_young_log_is_verified_with_a_verdict(installation: Installation) -> None:
    verified = installation.run("activities", "verify")
    assert (verified.returncode, "No log is sealed yet" in verified.stdout + verified.stderr) == (0, True)
    assert installation.run("activities", "verify", "--organization", "organization_nowhere").returncode == 65


def test_a_second_up_on_the_same_folder_says_so(installation: Installation) -> None:
    first = installation.start("up", "--port", str(installation.port))
    first.says("API and worker run")
    second = installation.run("up", "--port", str(installation.port + 1))
    assert (second.returncode, f"aasim up runs on {installation.data} already" in second.stderr) == (75, True)
    first.stop()


def test_a_taken_port_is_answered_with_the_flag_that_was_used(install: Install) -> None:
    taken, other = install(), install()
    taken.serve()
    for command, flag in (
        (("up", "--port", str(taken.port)), "--port "),
        (("serve", "--bind", f"127.0.0.1:{taken.port}"), "--bind "),
    ):
        refused = other.run(*command)
        assert (refused.returncode, f"choose another address: {flag}" in refused.stderr) == (69, True)


def test_a_bad_address_is_refused_before_anything_is_made(install: Install) -> None:
    installation = install(empty=True)
    refused = installation.run("up", "--email", "nobody")
    assert (refused.returncode, installation.data.exists()) == (65, False)


def test_a_backup_does_not_replace_another_one(installation: Installation) -> None:
    file = installation.folder / "backup"
    assert installation.run("backup", str(file)).returncode == 0
    assert installation.run("backup", str(file)).returncode == 65


#: Runs a command where a folder is read-only.
READ_ONLY = ("unshare", "-r", "-m", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"')


def test_a_read_only_data_folder_can_be_backed_up_with_what_is_in_its_log(installation: Installation) -> None:
    with closing(sqlite3.connect(installation.data / "aasim.db", isolation_level=None)) as database:
        database.execute("INSERT INTO core_process VALUES ('in-the-log', 'api', 'here', '1', '[]', 1, 0, '2026', '2026', '{}')")
        file = installation.folder / "backup"
        done = installation.run("backup", str(file), under=(*READ_ONLY, str(installation.data)))
        assert (done.returncode, done.stderr) == (0, "")
    other = Installation(installation.folder / "other")
    other.folder.mkdir()
    assert other.run("restore", str(file)).returncode == 0
    assert other.rows("SELECT id FROM core_process") == [("in-the-log",)]


def test_an_unknown_job_is_told_without_a_question(installation: Installation) -> None:
    refused = installation.run("jobs", "discard", "job_nowhere")
    assert (refused.returncode, "Delete" in refused.stdout + refused.stderr) == (65, False)


def test_what_is_written_is_for_its_own_user_only(install: Install) -> None:
    installation = install(empty=True)
    installation.data.mkdir(mode=0o755)
    assert installation.run("migrate").returncode == 0
    assert (installation.data / "aasim.db").stat().st_mode & 0o077 == 0


def test_a_key_file_in_no_folder_is_a_sentence(install: Install) -> None:
    installation = install(empty=True)
    said = installation.run("migrate", AASIM_SECRETS__KEY_FILE=str(installation.folder / "nowhere" / "keys.json"))
    assert (said.returncode, "for secrets.key_file; make it, or name another file" in said.stderr) == (78, True)
