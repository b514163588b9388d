"""A backup holds everything that was committed, of one moment, and can be restored elsewhere."""

import json
import os
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from aasim_core.context import organization_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.backends.postgres import row_security
from aasim_core.data.backup.archive import backup, restore
from aasim_core.data.database import Database
from aasim_core.data.records import create
from aasim_core.errors import StartupError
from aasim_core.settings import Settings

from ..installations import Settle, everything, only_sqlite
from ..scope.landscape import OURS, Item, Landscape, Owner


@pytest.fixture
def restored(there: Settings, app_role: str | None) -> Iterator[Database]:
    """The database of the other installation, as the application uses it, once it has been restored."""
    database = connect(there.database.url, role=app_role)
    database.tenant_tables = frozenset({"attack_item", "attack_owner"})  # the records stay bound to where they are
    yield database
    database.close_all()


def test_what_was_backed_up_is_restored(
    here: Settings, there: Settings, guarded_land: Landscape, restored: Database, tmp_path: Path
) -> None:
    before = everything(guarded_land.database)
    seen: list[tuple[int, int]] = []
    backup(here, tmp_path / "copy", lambda done, of: seen.append((done, of)))
    assert seen[-1][0] == seen[-1][1] > 0
    restore(there, tmp_path / "copy")
    assert everything(restored) == before
    assert there.secrets.key_file.read_text() == here.secrets.key_file.read_text()
    with restored.connected():
        row_security.verify(restored)


def test_what_is_restored_is_held(here: Settings, there: Settings, restored: Database, tmp_path: Path) -> None:
    backup(here, tmp_path / "copy")
    restore(there, tmp_path / "copy")
    with restored.connected():
        assert restored.execute_sql("SELECT id FROM core_installation WHERE held_at IS NOT NULL").fetchall() == [
            ("installation",)
        ]


def test_the_archive_says_what_it_holds_and_to_its_owner_only(here: Settings, tmp_path: Path) -> None:
    backup(here, tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    with tarfile.open(tmp_path / "copy") as archive:
        manifest = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
        assert [member.name for member in archive] == ["manifest.json", *manifest["files"]]
        assert manifest["migrations"] == ["attack/0001_attack"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "here"]


def test_a_backup_under_load_is_of_one_moment(
    here: Settings, there: Settings, guarded_land: Landscape, restored: Database, tmp_path: Path
) -> None:
    """Each transaction writes an owner and its item; a copy of two moments would hold one without the other."""
    database, ended, written = guarded_land.database, threading.Event(), []

    def write() -> None:
        with database.connected(), organization_scope(OURS):
            while not ended.is_set():
                with database.transaction():
                    owner = create(Owner, name="x" * 500)
                    create(Item, slug=owner.id, name="load", rank=0, country="DE", owner=owner)
                written.append(owner.id)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while len(written) < 100 and any(writer.is_alive() for writer in writers):
        pass
    before = list(written)
    backup(here, tmp_path / "copy")
    after = len(written)
    ended.set()
    for writer in writers:
        writer.join()
    restore(there, tmp_path / "copy")
    with restored.connected(), organization_scope(OURS):
        owners = {owner for (owner,) in Owner.select(Owner.id).where(Owner.name != "our owner").tuples().execute(restored)}
        items = {slug for (slug,) in Item.select(Item.slug).where(Item.name == "load").tuples().execute(restored)}
    assert owners == items
    assert owners >= set(before)
    assert len(before) < after, "the writers stood still"


@only_sqlite
def test_the_copy_is_a_single_file(here: Settings, tmp_path: Path) -> None:
    backup(here, tmp_path / "copy")
    with tarfile.open(tmp_path / "copy") as archive:
        archive.extract("database.sqlite", tmp_path, filter="data")
    with sqlite3.connect(f"file:{tmp_path}/database.sqlite?mode=ro&immutable=1", uri=True) as copy:
        assert copy.execute("SELECT count(*) FROM attack_item").fetchone() == (8,)
    copy.close()


@only_sqlite
def test_a_database_on_a_disk_that_is_read_only_is_backed_up(
    here: Settings, guarded_land: Landscape, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_RDONLY))
    before = sorted(path.name for path in Path(guarded_land.database.database).parent.iterdir())
    backup(here, tmp_path / "copy")
    assert sorted(path.name for path in Path(guarded_land.database.database).parent.iterdir()) == before
    with tarfile.open(tmp_path / "copy") as archive:
        assert json.loads(archive.extractfile("manifest.json").read())["migrations"] == ["attack/0001_attack"]  # type: ignore[union-attr]


only_postgres = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@pytest.mark.usefixtures("here")
class TestPostgres:
    """What only PostgreSQL's tools can get wrong."""

    pytestmark = only_postgres

    def test_missing_tools_are_named(self, here: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(StartupError, match=r"pg_dump is not installed; install PostgreSQL's client programs"):
            backup(here, tmp_path / "copy")

    def test_what_a_tool_complains_of_is_told(self, here: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tool = tmp_path / "tools" / "pg_dump"
        tool.parent.mkdir()
        tool.write_text("#!/bin/sh\necho 'pg_dump: error: the server is too new' >&2\nexit 1\n")
        tool.chmod(0o700)
        monkeypatch.setenv("PATH", str(tool.parent))
        with pytest.raises(StartupError, match="pg_dump failed: pg_dump: error: the server is too new"):
            backup(here, tmp_path / "copy")

    def test_an_owner_who_is_no_superuser_sees_all_rows(
        self, here: Settings, there: Settings, guarded_land: Landscape, restored: Database, tmp_path: Path, settings_at: Settle
    ) -> None:
        before = everything(guarded_land.database)
        owner = f"{here.database.app_role}_owner"
        server = connect(here.database.url)
        with server.connected():
            server.execute_sql(f"CREATE ROLE {owner} LOGIN PASSWORD 'p@ss:word'")
            tables = ["core_migration", "attack_item", "attack_owner", "attack_country"]
            for table in tables:
                server.execute_sql(f"ALTER TABLE {table} OWNER TO {owner}")
            plain = here.database.url.replace("postgres@", f"{owner}:p%40ss%3Aword@")
            try:
                plain_settings = Settings.load({"data_dir": str(here.data_dir), "database.url": plain}, environ={})
                backup(plain_settings, tmp_path / "copy")
            finally:
                server.execute_sql(f"REASSIGN OWNED BY {owner} TO CURRENT_USER")
                server.execute_sql(f"DROP ROLE {owner}")
        server.close_all()
        restore(there, tmp_path / "copy")
        assert everything(restored) == before
