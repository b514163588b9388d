"""A data folder, database, queue or key file that cannot be used is told in a sentence that says what to do."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aasim_core.testing.databases import server_url

from ..conftest import Install
from ..installation import Installation
from ..refusals import CONFIGURATION, NO_PERMISSION, STORAGE, UNAVAILABLE, refused

#: What lets the rights of files count where the tests run as root.
UNPRIVILEGED = () if os.geteuid() else ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


DAMAGED = 'the database is damaged; put a backup in its place with "aasim restore FILE"'


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
            "the database does not know, or does not let in, the role that database.url or database.app_role names; to create "
            "database.app_role, run: aasim migrate",
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
