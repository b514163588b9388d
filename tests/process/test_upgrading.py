"""An upgrade in two halves: what is applied when, and what waits for which processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.commands.data import migrate as command
from aasim_core.errors import StartupError
from aasim_core.process.upgrading import behind, finish, remaining, upgrade, upgrade_all
from aasim_core.processes import WORKER, ThisProcess
from aasim_core.testing.apps import settings_in

pytestmark = pytest.mark.long

TABLE = (
    'def up(migrator, db):\n    db.execute_sql("CREATE TABLE notes_note (id TEXT, color TEXT)")\ndef down(migrator, db): ...\n'
)
CHANGE = 'def up(migrator, db):\n    db.execute_sql("ALTER TABLE notes_note {}")\ndef down(migrator, db): ...\n'
#: The migrations of the next version.
NEXT = {"0002_drop.post": CHANGE.format("DROP COLUMN color"), "0003_paint": CHANGE.format("ADD COLUMN paint TEXT")}
RENAMES = {"0004_rename.offline": CHANGE.format("RENAME COLUMN paint TO color")}


class Site:
    """An installation with the drop-in plugin ``notes``, whose versions bring migrations."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apps: list[App] = []
        self._write({"0001_notes": TABLE})
        (folder / "plugins" / "notes" / "__init__.py").write_text(
            'from aasim_core import Plugin\n\nplugin = Plugin(title="Notes", summary="Notes.")\n'
        )

    def _write(self, files: dict[str, str]) -> None:
        migrations = self._folder / "plugins" / "notes" / "migrations"
        migrations.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (migrations / f"{name}.py").write_text(text)

    def version(self, **migrations: str) -> App:
        """The app of a version that has these further migrations."""
        self._write(migrations)
        app = build_app(settings_in(self._folder, self.flags))
        self._apps.append(app)
        return app

    @property
    def flags(self) -> dict[str, Any]:
        """The settings."""
        return {"plugins.folder": str(self._folder / "plugins"), "plugins.enabled": ["notes"]}

    def migrate(self, *arguments: str) -> Result:
        """Run ``aasim migrate``."""
        return CliRunner().invoke(command, arguments, obj=settings_in(self._folder, self.flags))

    def close(self) -> None:
        """End all apps."""
        for app in self._apps:
            app.database.close_all()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An installation without a database."""
    made = Site(tmp_path)
    yield made
    made.close()


@pytest.fixture
def installed(site: Site) -> App:
    """The first version of the plugin, installed."""
    app = site.version()
    upgrade(app)
    return app


@pytest.fixture
def beat() -> Callable[..., ThisProcess]:
    """Makes the heartbeat of a worker of this app's version."""

    def beat(app: App, name: str) -> ThisProcess:
        process = app.process_of(WORKER, 1, name)
        with app.database.connected():
            process.beat()
        return process

    return beat


def test_a_new_installation_gets_everything(site: Site) -> None:
    app = site.version(**NEXT, **RENAMES)
    applied = [name for name in upgrade(app) if name.startswith("notes/")]
    assert applied == ["notes/0001_notes", "notes/0003_paint", "notes/0002_drop.post", "notes/0004_rename.offline"]
    assert remaining(app) == []


def test_an_upgrade_adds_first_and_removes_when_it_is_told_to(site: Site, installed: App) -> None:
    app = site.version(**NEXT)
    assert (upgrade(app), remaining(app)) == (["notes/0003_paint"], ["notes/0002_drop.post"])
    assert (upgrade(app), finish(app)) == ([], ["notes/0002_drop.post"])
    assert (upgrade(app), remaining(app), finish(app)) == ([], [], [])


def test_the_second_half_waits_for_processes_of_the_version_before(site: Site, installed: App, beat: Any) -> None:
    beat(installed, "worker-old")
    app = site.version(**NEXT)
    upgrade(app)
    beat(app, "worker-new")
    assert behind(app) == ["worker-old"]
    with pytest.raises(StartupError, match="worker-old still runs the code of an older version; restart or stop it") as refused:
        finish(app)
    assert refused.value.exit_code == 75
    assert remaining(app) == ["notes/0002_drop.post"]


def test_the_second_half_does_not_wait_for_processes_that_know_it(site: Site, installed: App, beat: Any) -> None:
    old = beat(installed, "worker-old")
    app = site.version(**NEXT)
    upgrade(app)
    beat(app, "worker-new")
    with installed.database.connected():
        old.leave()
    assert finish(app) == ["notes/0002_drop.post"]


def test_a_process_from_before_migrations_were_told_is_behind(site: Site, installed: App) -> None:
    with installed.database.connected():
        ThisProcess(installed.database, WORKER, 1, [], "worker-ancient").beat()
    app = site.version(**NEXT)
    upgrade(app)
    assert behind(app) == ["worker-ancient"]


def test_what_is_done_offline_has_to_be_allowed_and_waits_for_every_process(site: Site, installed: App, beat: Any) -> None:
    running = beat(installed, "worker-1")
    app = site.version(**NEXT, **RENAMES)
    with pytest.raises(
        StartupError, match=r"notes/0004_rename.offline cannot be applied while a process runs; .*migrate --offline"
    ):
        upgrade(app)
    with pytest.raises(StartupError, match="cannot be applied while worker-1 runs") as refused:
        upgrade(app, offline=True)
    assert refused.value.exit_code == 75
    with installed.database.connected():
        running.leave()
    assert upgrade(app, offline=True) == ["notes/0003_paint", "notes/0002_drop.post", "notes/0004_rename.offline"]


def test_everything_is_applied_at_once_where_nothing_else_runs(site: Site, installed: App) -> None:
    app = site.version(**NEXT, **RENAMES)
    assert upgrade_all(app) == (["notes/0003_paint", "notes/0002_drop.post", "notes/0004_rename.offline"], [])


def test_everything_but_the_second_half_is_applied_beside_an_older_process(site: Site, installed: App, beat: Any) -> None:
    beat(installed, "worker-old")
    assert upgrade_all(site.version(**NEXT)) == (["notes/0003_paint"], ["worker-old"])


def test_the_command_says_what_is_left_for_later(site: Site, installed: App) -> None:
    site.version(**NEXT)
    left = "Left for when all processes run this version (notes/0002_drop.post); then run: aasim migrate --post\n"
    assert site.migrate().output == f"applied notes/0003_paint\n1 migrations applied.\n{left}"
    assert site.migrate("--check").output == f"The database is up to date.\n{left}"
    assert site.migrate("--post").output == "applied notes/0002_drop.post\n1 migrations applied.\n"
    assert site.migrate("--post").output == "The database is up to date.\n"


def test_the_check_fails_while_the_first_half_is_pending(site: Site, installed: App) -> None:
    site.version(**NEXT)
    refused = site.migrate("--check").exception
    assert isinstance(refused, StartupError)
    assert str(refused) == "the database lacks 1 migrations (notes/0003_paint); run: aasim migrate"
