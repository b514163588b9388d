"""``aasim plugins makemigration``: what it writes makes the tables that the records mean, on both databases."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aasim_core.bootstrap import build_app
from aasim_core.cli import cli
from aasim_core.context import system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.migrator.runner import CORE, Source, migrate
from aasim_core.errors import InvalidArgument
from aasim_core.testing.apps import settings_in
from aasim_core.testing.databases import Databases
from aasim_core.testing.selection import only
from aasim_core.testing.tables import differences, history_of

pytestmark = pytest.mark.usefixtures("command_logs")

HEAD = "    name = peewee.TextField()\n"
NAME_INDEX = '            (("organization_id", "name"), True),\n'
COLOR = "    color = peewee.TextField(null=True)\n"
COLOR_INDEX = '            (("organization_id", "color"), False),\n'
JSON = ("import peewee", "import peewee\n\nfrom aasim_core.data.fields import JsonField")
SECOND = """

class Sticker(TenantRecord):
    \"\"\"A sticker on a note.\"\"\"

    note_id = peewee.TextField(null=True)
    count = peewee.BigIntegerField(default=0)
    is_loud = peewee.BooleanField(default=False)

    class Meta:
        table_name = "notes_sticker"
        id_prefix = "notes_sticker"
        indexes = ((("organization_id", "note_id"), False),)


Sticker.add_index(Sticker.organization_id, Sticker.count, unique=True, where=Sticker.note_id.is_null(), name="notes_sticker_free")
"""


@dataclass
class Notes:
    """A plugin that was released once, and whose records change; each change is a version of it with a name of its own."""

    place: Path
    versions: int = 0

    @property
    def folder(self) -> Path:
        """The folder of plugins."""
        return self.place / f"plugins{self.versions}"

    @property
    def migrations(self) -> Path:
        """The folder of its migrations."""
        return self.folder / "notes" / "migrations"

    def change(self, *replacements: tuple[str, str], more: str = "") -> None:
        """Change the records; a process imports a plugin once, so the changed one is in another folder."""
        text = (self.folder / "notes" / "models.py").read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        before = self.folder
        self.versions += 1
        before.rename(self.folder)
        (self.folder / "notes" / "models.py").write_text(text + more)

    def bring(self, record: str) -> None:
        """Return one more record from the hook `models`."""
        init = self.folder / "notes" / "__init__.py"
        text = init.read_text().replace("from .models import Note", f"from .models import Note, {record}")
        init.write_text(text.replace("return (Note,)", f"return (Note, {record})"))

    def call(self, *command: str) -> Result:
        """Call ``aasim plugins``."""
        options = (
            "--data",
            str(self.place / "var"),
            "--set",
            f"plugins.folder={self.folder}",
            "--set",
            'plugins.enabled=["notes"]',
        )
        return CliRunner().invoke(cli, [*options, "plugins", *command])

    def write(self) -> list[str]:
        """Write the migrations; returns the names of the new files."""
        done = self.call("makemigration", "notes")
        assert done.exit_code == 0, done.exception
        return [Path(line.removeprefix("wrote ")).name for line in done.output.splitlines() if line.startswith("wrote ")]

    def records(self) -> list[Any]:
        """Its records."""
        app = build_app(settings_in(self.place, only(["notes"], self.folder)))
        return [model for model in app.models if model._meta.table_name.startswith("notes_")]


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """The plugin as `aasim plugins new` writes it."""
    monkeypatch.chdir(tmp_path)
    notes = Notes(tmp_path)
    CliRunner().invoke(cli, ["plugins", "new", "notes", "--folder", str(notes.folder)])
    return notes


@pytest.fixture
def agree(notes: Notes, databases: Databases, root: Path) -> Callable[[], None]:
    """Checks that migrations and records agree on a database, up, midway and down, and that what was written is tidy."""

    def check() -> None:
        history = history_of(databases, [Source("core", CORE), Source("notes", notes.migrations)], "notes", notes.records())
        assert differences(history.migrated, history.meant, "by the migrations", "by the records") == []
        assert history.left == history.before
        assert "Nothing is wrong" in notes.call("check").output
        assert notes.write() == []
        ruff = (sys.executable, "-m", "ruff", "format", "--check", "--diff", "--no-cache", "--config", root / "ruff.toml")
        mypy = (sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent")
        for command in (ruff, mypy):
            done = subprocess.run([*command, notes.migrations], cwd=notes.place, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout

    return check


@pytest.mark.long
def test_where_nothing_changed_nothing_is_written(notes: Notes) -> None:
    assert "The tables of notes are what its records mean." in notes.call("makemigration", "notes").output


@pytest.mark.long
def test_new_columns_are_added_in_the_first_half(notes: Notes, agree: Callable[[], None]) -> None:
    new = (
        "    color = peewee.TextField(null=True)\n    stars = peewee.BigIntegerField(default=3)\n"
        '    kind = peewee.TextField(default="it\'s new")\n    is_loud = peewee.BooleanField(default=False)\n'
    )
    notes.change((HEAD, HEAD + new))
    assert notes.write() == ["0002_color_and_more.py"]
    agree()


@pytest.mark.long
def test_a_column_that_goes_is_dropped_in_the_second_half_with_its_indexes(notes: Notes, agree: Callable[[], None]) -> None:
    notes.change((HEAD, HEAD + COLOR), (NAME_INDEX, NAME_INDEX + COLOR_INDEX))
    notes.write()
    notes.change((COLOR, ""), (COLOR_INDEX, ""))
    assert notes.write() == ["0003_no_color.post.py"]
    agree()


@pytest.mark.long
def test_a_column_that_new_code_cannot_leave_out_goes_while_nothing_runs(notes: Notes, agree: Callable[[], None]) -> None:
    api = notes.folder / "notes" / "api.py"
    for file in (api, notes.folder / "notes" / "schemas.py"):
        file.write_text(file.read_text().replace("name", "title"))
    notes.change((HEAD, "    title = peewee.TextField(null=True)\n" + HEAD))
    notes.write()
    notes.change((HEAD, ""), (NAME_INDEX, ""))
    assert notes.write() == ["0003_no_name.offline.py"]
    agree()


@pytest.mark.long
def test_a_new_table_is_made_with_its_indexes(notes: Notes, agree: Callable[[], None]) -> None:
    notes.change(more=SECOND)
    notes.bring("Sticker")
    assert notes.write() == ["0002_sticker.py"]
    agree()


@pytest.mark.long
def test_indexes_are_added_first_and_dropped_and_made_unique_later(notes: Notes, agree: Callable[[], None]) -> None:
    notes.change((NAME_INDEX, '            (("organization_id", "name"), False),\n            (("name", "id"), False),\n'))
    first, second = notes.write()
    assert first == "0002_notes_note_name_id.py"
    assert second.endswith(".post.py")
    agree()


@pytest.mark.long
def test_rows_that_are_there_get_the_default(notes: Notes, empty_database_url: str) -> None:
    database = connect(empty_database_url)
    migrate(database, [Source("notes", notes.migrations)])
    with database.connected(), system_scope("write a row"):
        database.execute_sql("INSERT INTO notes_note VALUES ('notes_note_1', 1, '', '', 'organization_1', 'First')")
    notes.change((HEAD, HEAD + "    tags = JsonField(default=list)\n"), JSON)
    notes.write()
    migrate(database, [Source("notes", notes.migrations)])
    with database.connected(), system_scope("read the row"):
        assert database.execute_sql("SELECT tags FROM notes_note").fetchall() == [("[]",)]
    database.close_all()


@pytest.mark.long
@pytest.mark.parametrize(
    ("replacement", "complaint"),
    [
        ((HEAD, "    label = peewee.TextField(null=True)\n"), "whether that is a new name for the same cannot be told"),
        ((HEAD, HEAD + "    color = peewee.TextField()\n"), "give it null=True or a default"),
        ((HEAD, "    name = peewee.TextField(null=True)\n"), "is not null, and is to be; the databases differ in how"),
        ((HEAD, "    name = peewee.BigIntegerField()\n"), "is TEXT, and is to be INTEGER; add a column of the new type"),
        ((HEAD, HEAD + "    day = peewee.DateField(null=True)\n"), "the type of notes_note.day is not known here"),
    ],
)
def test_what_cannot_be_told_from_the_tables_is_refused(notes: Notes, replacement: tuple[str, str], complaint: str) -> None:
    if replacement[1].startswith("    label"):
        for file in ("api.py", "schemas.py"):
            path = notes.folder / "notes" / file
            path.write_text(path.read_text().replace("name", "label"))
        notes.change((NAME_INDEX, ""))
    notes.change(replacement)
    before = sorted(notes.migrations.iterdir())
    refusal = notes.call("makemigration", "notes").exception
    assert isinstance(refusal, InvalidArgument), refusal
    assert complaint in str(refusal)
    assert sorted(path for path in notes.migrations.iterdir() if path.suffix == ".py") == before


@pytest.mark.long
def test_a_plugin_that_is_not_on_is_refused(notes: Notes) -> None:
    refusal = notes.call("makemigration", "note").exception
    assert 'Plugin note is not on, or has no folder migrations/; see aasim plugins check; did you mean "notes"?' in str(refusal)
