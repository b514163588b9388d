"""The dummy plugin: it loads from a drop-in folder, and brings something of every kind."""

from pathlib import Path
from typing import Any

import pytest

from aasim_core import hookspecs
from aasim_core.collecting import collect
from aasim_core.context import system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.migrator import runner as migrations
from aasim_core.plugins import Collected, Declarations
from aasim_core.testing.selection import module_of


@pytest.fixture
def dummy(site: Any, root: Path) -> Collected:
    """The dummy plugin, dropped in and collected."""
    site.dropins.mkdir()
    (site.dropins / "dummy").symlink_to(root / "tests" / "dummy")
    return collect(site.load("dummy"), site.app(), Declarations())


def test_it_implements_every_hook_of_the_core(dummy: Collected) -> None:
    hooks = {name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), "aasim_spec")}
    callers = dummy.plugins.manager.get_hookcallers(dummy.plugins.on[0].module)
    assert {caller.name for caller in callers or ()} == hooks


def test_its_tests_import_its_modules_as_the_app_does(dummy: Collected, site: Any) -> None:
    assert module_of("dummy", "models", site.dropins).Greeting is dummy.models["dummy_greeting"]


def test_its_tests_import_its_modules_before_there_is_an_app(site: Any, root: Path) -> None:
    site.dropins.mkdir()
    (site.dropins / "dummy").symlink_to(root / "tests" / "dummy")
    greeting = module_of("dummy", "models", site.dropins).Greeting
    assert collect(site.load("dummy"), site.app(), Declarations()).models["dummy_greeting"] is greeting


def test_it_brings_something_of_every_kind(dummy: Collected) -> None:
    provides = dummy.plugins.find("dummy").provides  # type: ignore[union-attr]
    assert provides.permissions == ("dummy:read", "dummy:create", "dummy:update", "dummy:delete")
    assert provides.events == ("dummy.created", "dummy.updated", "dummy.deleted", "dummy.answered")
    assert provides.jobs == ("dummy.answer", "dummy.count")
    assert provides.routes == ("/dummy", "/dummy/{greeting_id}")
    assert provides.tables == ("dummy_greeting",)
    assert provides.settings == ("answer", "hidden")
    assert [command.name for _, command in dummy.each("commands")] == ["greet"]
    assert [check.name for check in dummy.checks] == ["dummy"]
    assert len(dummy.listeners) == 2


def test_its_migrations_make_its_tables_and_go_down(dummy: Collected, tmp_path: Path) -> None:
    plugin = dummy.plugins.on[0]
    assert plugin.migrations is not None
    database = connect(f"sqlite:///{tmp_path}/test.db")
    source = migrations.Source("dummy", plugin.migrations)
    migrations.migrate(database, [source])
    with database.connected(), system_scope("look at the tables"):
        columns = {column.name for column in database.get_columns("dummy_greeting")}
    assert columns == set(dummy.models["dummy_greeting"]._meta.columns)
    assert migrations.purge(database, source) == ["dummy/0001_initial"]
