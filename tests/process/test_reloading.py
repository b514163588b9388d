"""Which files ``aasim up --reload`` looks at, which changes it sees, and what it says of them."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from aasim_core.process.reloading import SourceWatch, reload_until_stop
from aasim_core.process.supervisor import Supervisor
from aasim_core.settings import Settings
from aasim_core.terminal.output import Terminal

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


#: Code of a process that does not end by itself.
RUNS = "import time; time.sleep(60)"


class Screen(Terminal):
    """What is said; after a problem, Ctrl-C is pressed."""

    def __init__(self) -> None:
        self.text = StringIO()
        super().__init__(self.text)

    def trouble(self, text: str) -> None:
        super().trouble(text)
        os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class Stub:
    """Stands for the launch: commands run a line of Python each. Ctrl-C is pressed when all is ready."""

    settings: Settings
    lines: Mapping[str, str]
    before_start: Callable[[], object] = lambda: None
    called: list[str] = field(default_factory=list)
    grace_seconds: float = 5

    def reread(self) -> "Stub":
        return self

    def command(self, *words: str) -> Sequence[str]:
        self.called.append(" ".join(words))
        return (sys.executable, "-c", self.lines[words[-1]])

    @property
    def commands(self) -> Mapping[str, Sequence[str]]:
        self.before_start()
        return {name: (sys.executable, "-c", self.lines[name]) for name in ("serve",)}

    def is_ready(self) -> bool:
        if self.lines["serve"] != RUNS:
            return False
        os.kill(os.getpid(), signal.SIGTERM)
        return True


@pytest.fixture
def reload(folder: Path, watch: SourceWatch) -> Callable[..., tuple[str, list[str]]]:
    """Saves a file, and returns what is said and called until Ctrl-C; `lines` are those of the commands."""

    def reload(saved: Path, before_start: Callable[[], object] = lambda: None, **lines: str) -> tuple[str, list[str]]:
        screen, stub = Screen(), Stub(Settings.load(config=folder.parent / "aasim.toml"), lines, before_start)
        supervisor = Supervisor({"serve": (sys.executable, "-c", RUNS)}, lambda text: None, reloads=True)
        with supervisor.running(grace_seconds=1):
            assert supervisor.watch(lambda: True)
            write(saved, "")
            launch: Any = stub
            reload_until_stop(supervisor, launch, watch, screen)
        return screen.text.getvalue(), stub.called

    return reload


@pytest.mark.long
def test_a_migration_that_is_written_while_its_record_is_checked_is_applied_before_the_restart(
    folder: Path, reload: Callable[..., tuple[str, list[str]]]
) -> None:
    place = folder / "notes" / "migrations"
    makes = (
        f"import pathlib; p = pathlib.Path({str(place)!r}); p.mkdir(exist_ok=True); (p / '0001_notes.py').touch(exist_ok=True)"
    )
    once = f"import os\nif not os.path.exists({str(place)!r}): {makes}"
    said, called = reload(folder / "notes" / "models.py", check=once, migrate="", serve=RUNS)
    assert called == ["plugins check", "plugins check", "migrate"]
    assert said.splitlines()[:2] == [
        "  notes/models.py changed, restarting …",
        "  migrations/0001_notes.py and 1 more changed, restarting …",
    ]
    assert "Correct the error" not in said


@pytest.mark.long
def test_a_file_that_breaks_while_api_and_worker_restart_is_the_one_that_is_named(
    folder: Path, reload: Callable[..., tuple[str, list[str]]]
) -> None:
    words = folder / "notes" / "words.py"
    fails = f"import os, sys; sys.exit(78 if os.path.exists({str(words)!r}) else 0)"
    said, _ = reload(folder / "notes" / "api.py", lambda: write(words, "("), check=fails, serve=fails)
    assert "! notes/words.py and 1 more changed, but does not load. Correct the error above, and save." in said
    assert said.count("!") == 1
