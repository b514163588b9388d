"""Which files ``aasim up --reload`` looks at, and which changes it sees."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aasim_core.process.reloading import SourceWatch
from aasim_core.process.supervisor import Supervisor
from aasim_core.settings import Settings

MANIFEST = '"""{0}."""\n\nfrom aasim_core import Plugin\n\nplugin = Plugin("{0}", "For a test.")\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of plugins, with one in it."""
    write(tmp_path / "plugins" / "notes" / "__init__.py", MANIFEST.format("Notes"))
    return tmp_path / "plugins"


@pytest.fixture
def watch(folder: Path) -> SourceWatch:
    """What looks at an installation whose settings file names the folder."""
    write(folder.parent / "aasim.toml", f"[plugins]\nfolder = '{folder}'\nenabled = ['notes']\n")
    return SourceWatch(Settings.load(config=folder.parent / "aasim.toml"))


@pytest.fixture
def changed(watch: SourceWatch) -> Callable[[], set[str]]:
    """The names of the files that the next look finds changed."""

    def look() -> set[str]:
        supervisor = Supervisor({}, pytest.fail)
        with supervisor.running(grace_seconds=1):
            return {path.name for path in watch.next_change(supervisor)}

    return look


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_file_that_comes_and_one_that_goes_are_changes(folder: Path, changed: Callable[[], set[str]]) -> None:
    write(folder / "notes" / "jobs" / "daily.py", "")
    assert changed() == {"daily.py"}
    (folder / "notes" / "jobs" / "daily.py").unlink()
    assert changed() == {"daily.py"}


def test_the_settings_file_is_looked_at(folder: Path, changed: Callable[[], set[str]]) -> None:
    write(folder.parent / "aasim.toml", "")
    assert changed() == {"aasim.toml"}


def test_what_no_process_imports_is_not_looked_at(folder: Path, changed: Callable[[], set[str]]) -> None:
    for name in ("tests/notes/test_notes.py", "notes/README.md", ".venv/lib/site.py", "notes/__pycache__/old.py"):
        write(folder / name, "")
    write(folder / "notes" / "__init__.py", MANIFEST.format("Other notes"))
    assert changed() == {"__init__.py"}


def test_the_source_of_a_plugin_elsewhere_is_looked_at_when_its_folder_is_a_link(
    folder: Path, tmp_path: Path, watch: SourceWatch, changed: Callable[[], set[str]]
) -> None:
    write(tmp_path / "elsewhere" / "books" / "__init__.py", MANIFEST.format("Books"))
    (folder / "books").symlink_to(tmp_path / "elsewhere" / "books")
    write(tmp_path / "aasim.toml", f"[plugins]\nfolder = '{folder}'\nenabled = ['notes', 'books']\n")
    watch.follow(Settings.load(config=tmp_path / "aasim.toml"))
    assert changed() == {"aasim.toml"}
    write(tmp_path / "elsewhere" / "books" / "jobs.py", "")
    assert changed() == {"jobs.py"}


def test_what_changes_while_the_settings_are_read_is_seen_afterwards(
    folder: Path, watch: SourceWatch, changed: Callable[[], set[str]]
) -> None:
    settings = Settings.load(config=folder.parent / "aasim.toml")
    write(folder / "notes" / "__init__.py", MANIFEST.format("Other notes"))
    watch.follow(settings)
    assert changed() == {"__init__.py"}
