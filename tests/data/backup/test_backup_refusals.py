"""A backup overwrites nothing, and what is not whole, not ours or not there is refused with a sentence."""

import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from aasim_core.context import organization_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.backup.archive import backup, restore
from aasim_core.data.backup.postgres import refuse_unfit_tool
from aasim_core.data.records import create
from aasim_core.errors import InvalidArgument, StartupError
from aasim_core.secrets import Keyring, new_key, save_keyring
from aasim_core.settings import Settings
from aasim_core.testing.databases import Databases

from ..installations import Settle, everything, only_sqlite
from ..scope.landscape import OURS, Landscape, Owner


def test_a_restore_overwrites_no_database(here: Settings, tmp_path: Path, guarded_land: Landscape) -> None:
    backup(here, tmp_path / "copy")
    before = everything(guarded_land.database)
    with pytest.raises(InvalidArgument, match="overwrites nothing"):
        restore(here, tmp_path / "copy")
    assert everything(guarded_land.database) == before


def test_a_restore_overwrites_no_keys(here: Settings, there: Settings, databases: Databases, tmp_path: Path) -> None:
    backup(here, tmp_path / "copy")
    there.data_dir.mkdir()
    save_keyring(Keyring([new_key()]), there.secrets.key_file)
    with pytest.raises(InvalidArgument, match="there are other keys"):
        restore(there, tmp_path / "copy")
    shutil.copy(here.secrets.key_file, there.secrets.key_file)
    restore(there, tmp_path / "copy")


def test_a_backup_overwrites_no_file(here: Settings, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("an older one")
    with pytest.raises(InvalidArgument, match="exists"):
        backup(here, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "an older one"


def test_a_backup_needs_the_keys(here: Settings, tmp_path: Path) -> None:
    here.secrets.key_file.unlink()
    with pytest.raises(StartupError, match="there is no key file"):
        backup(here, tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _scratch(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _repack(path: Path, change: Callable[[Path], object]) -> None:
    """Change what the archive holds, and leave the archive itself in order."""
    folder = path.with_name("unpacked")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
        names = archive.getnames()
    change(folder)
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            if (folder / name).exists():
                archive.add(folder / name, name)


def _swap(path: Path) -> None:
    _repack(path, lambda folder: next(folder.glob("database.*")).write_bytes(b"something else"))


def _leave_out_the_keys(path: Path) -> None:
    _repack(path, lambda folder: (folder / "keys.json").unlink())


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _scratch,
        _swap,
        _leave_out_the_keys,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not an archive"),
        lambda path: path.write_bytes(gzip.compress(b"not a tar")),
    ],
)
def test_a_damaged_backup_is_refused_and_changes_nothing(
    damage: Callable[[Path], object], here: Settings, there: Settings, tmp_path: Path
) -> None:
    backup(here, tmp_path / "copy")
    damage(tmp_path / "copy")
    with pytest.raises(StartupError, match="is damaged"):
        restore(there, tmp_path / "copy")
    assert not there.secrets.key_file.exists()
    database = connect(there.database.url)
    with database.connected():
        assert database.get_tables() == []
    database.close_all()


def test_a_missing_backup_is_a_sentence(there: Settings, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="nowhere could not be restored: No such file"):
        restore(there, tmp_path / "nowhere")


def test_a_backup_of_a_newer_version_is_refused(
    here: Settings, there: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("aasim_core.data.backup.archive.VERSION", "99.0.1")
        backup(here, tmp_path / "copy")
    with pytest.raises(InvalidArgument, match=r"made by version 99.0.1"):
        restore(there, tmp_path / "copy")


def test_a_folder_that_cannot_be_written_is_a_sentence(here: Settings, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"could not be written to .*No such file or directory"):
        backup(here, tmp_path / "nowhere" / "copy")


@only_sqlite
def test_a_damaged_database_is_not_backed_up(here: Settings, guarded_land: Landscape, tmp_path: Path) -> None:
    database = guarded_land.database
    with database.transaction(), organization_scope(OURS):
        for _ in range(200):
            create(Owner, name="x" * 1000)
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.close_all()
    path = Path(here.database.url.removeprefix("sqlite:///"))
    content = bytearray(path.read_bytes())
    content[8192:40960] = os.urandom(32768)
    path.write_bytes(content)
    with pytest.raises(StartupError, match=r"is damaged .*restore the last good backup"):
        backup(here, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@only_sqlite
@pytest.mark.parametrize("content", [b"no database at all, but long enough to look like one" * 100, b""])
def test_a_file_that_is_no_database_is_a_sentence(
    content: bytes, here: Settings, guarded_land: Landscape, tmp_path: Path
) -> None:
    guarded_land.database.close_all()
    path = Path(here.database.url.removeprefix("sqlite:///"))
    path.write_bytes(content)
    if content:
        with pytest.raises(StartupError, match="is damaged"):
            backup(here, tmp_path / "copy")
    path.unlink()
    with pytest.raises(StartupError, match="there is no database at"):
        backup(here, tmp_path / "copy")


@only_sqlite
def test_a_journal_that_was_left_behind_is_not_mixed_with_the_backup(here: Settings, there: Settings, tmp_path: Path) -> None:
    backup(here, tmp_path / "copy")
    there.data_dir.mkdir()
    stale = Path(there.database.url.removeprefix("sqlite:///") + "-wal")
    stale.write_bytes(b"left behind")
    with pytest.raises(InvalidArgument, match="db-wal; stop the platform and move it away"):
        restore(there, tmp_path / "copy")
    stale.unlink()


@pytest.mark.long
@only_sqlite
def test_a_full_disk_is_a_sentence_and_leaves_nothing(here: Settings, guarded_land: Landscape, tmp_path: Path) -> None:
    with guarded_land.database.transaction(), organization_scope(OURS):
        for _ in range(300):
            create(Owner, name=os.urandom(1000).hex())
    program = """
import sys
from pathlib import Path
from aasim_core.data.backup.archive import backup
from aasim_core.errors import StartupError
from aasim_core.settings import Settings
try:
    backup(Settings.load({"data_dir": sys.argv[1], "database.url": sys.argv[2]}, environ={}), Path(sys.argv[3]))
except StartupError as error:
    print(error.exit_code, error)
"""
    arguments = [str(here.data_dir), here.database.url, str(tmp_path / "copy")]
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )  # fmt: skip
    assert run.stdout.startswith("74 the "), run.stdout + run.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]


@only_sqlite
def test_a_backup_of_the_other_kind_of_database_is_refused(here: Settings, settings_at: Settle, tmp_path: Path) -> None:
    backup(here, tmp_path / "copy")
    with tarfile.open(tmp_path / "copy") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    manifest = json.loads((tmp_path / "unpacked" / "manifest.json").read_text())
    manifest["files"]["database.dump"] = manifest["files"].pop("database.sqlite")
    (tmp_path / "unpacked" / "manifest.json").write_text(json.dumps({**manifest, "database": "postgresql"}))
    with tarfile.open(tmp_path / "dump", "w:gz") as archive:
        archive.add(tmp_path / "unpacked" / "manifest.json", "manifest.json")
    with pytest.raises(InvalidArgument, match="holds a database of postgresql"):
        restore(settings_at("there", f"sqlite:///{tmp_path}/there/x.db"), tmp_path / "dump")


@only_sqlite
def test_a_database_that_cannot_be_opened_is_a_sentence(settings_at: Settle, tmp_path: Path) -> None:
    folder = tmp_path / "here" / "x.db"
    folder.mkdir(parents=True)
    with pytest.raises(StartupError, match=r"here/x\.db cannot be copied: unable to open database file"):
        backup(settings_at("here", f"sqlite:///{folder}"), tmp_path / "copy")


def test_a_server_that_does_not_answer_is_a_sentence(settings_at: Settle, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"could not be written to .*Connection refused") as refused:
        backup(settings_at("here", "postgresql://postgres@127.0.0.1:1/none"), tmp_path / "copy")
    assert refused.value.exit_code == 69


@pytest.mark.parametrize(
    ("version", "problem"), [("16.4", r"pg_dump 16 is too old .*postgresql-client-17"), (None, "is not installed")]
)
def test_a_pg_dump_that_cannot_make_the_backup_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None, problem: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if version is not None:
        (tmp_path / "pg_dump").write_text(f'#!/bin/sh\necho "pg_dump (PostgreSQL) {version}"\n')
        (tmp_path / "pg_dump").chmod(0o700)
    with pytest.raises(StartupError, match=problem):
        refuse_unfit_tool(17)
