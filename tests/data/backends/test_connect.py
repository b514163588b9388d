"""From a URL to a database."""

from pathlib import Path

import peewee
import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.errors import StartupError


@pytest.mark.parametrize("url", ["", "sqlite:", "sqlite:///", "sqlite://host/file.db", "mysql://host/name", "aasim.db"])
def test_a_url_of_no_database_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(StartupError, match="write sqlite:///"):
        connect(url)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StartupError, match=r"folder .*/file/data cannot be created") as refusal:
        connect(f"sqlite:///{tmp_path}/file/data/aasim.db")
    assert refusal.value.exit_code == 74


def test_a_file_that_is_no_database_is_named_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "aasim.db").write_text("no database, but long enough to be taken for one " * 100)
    database = connect(f"sqlite:///{tmp_path}/aasim.db")
    with pytest.raises(peewee.DatabaseError, match="not a database"):
        database.connect()
    database.close_all()


def test_a_connection_is_held_while_it_is_needed(empty_database_url: str) -> None:
    database = connect(empty_database_url)
    with database.connected():
        with database.connected():
            assert not database.is_closed()
        assert not database.is_closed()
        assert database.execute_sql("SELECT 1").fetchone() == (1,)
    database.close_all()
    assert database.is_closed()


def test_a_database_that_was_closed_can_be_opened_again(empty_database: Database) -> None:
    empty_database.close_all()
    with empty_database.connected():
        assert empty_database.execute_sql("SELECT 1").fetchone() == (1,)
    empty_database.close_all()
    empty_database.connect()


def test_without_a_connection_a_statement_is_an_error(empty_database: Database) -> None:
    empty_database.close_all()
    with pytest.raises(peewee.InterfaceError):
        empty_database.execute_sql("SELECT 1")
    with pytest.raises(peewee.InterfaceError), empty_database.transaction():
        pass
    empty_database.connect()
