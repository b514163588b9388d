"""``bin/new-plugin``: what it writes is a plugin that loads, is listed in setup.cfg, and is tidy."""

import re
import runpy
import shutil
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from aasim_core.bootstrap import load_plugins
from aasim_core.builtin.api_reference import Documentation
from aasim_core.builtin.health import Health
from aasim_core.catalog.event_types import EventTypes
from aasim_core.catalog.plugins import InstalledPlugins
from aasim_core.cli import COMMANDS
from aasim_core.collecting import collect
from aasim_core.context import system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.migrator import runner as migrations
from aasim_core.plugins import Collected, Declarations
from aasim_core.settings.sections import PluginsSettings


@dataclass(frozen=True)
class Checkout:
    """A copy of what the command needs of the project; its bin/test only says what it was asked."""

    root: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call the command."""
        command = [sys.executable, self.root / "bin" / "new-plugin", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def collected(self, name: str) -> Collected:
        """What the plugin `name` declares, loaded from here."""
        settings = SimpleNamespace(plugins=PluginsSettings(enabled=(name,), folder=self.root / "plugins"))
        return collect(load_plugins(settings), SimpleNamespace(settings=settings), Declarations())


@pytest.fixture
def checkout(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout without plugins, in an environment where none is installed."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "site" / "aasim-0.0.1.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "aasim-0.0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: aasim\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    shutil.copytree(root / "bin" / "scaffold", tmp_path / "bin" / "scaffold")
    shutil.copy(root / "bin" / "new-plugin", tmp_path / "bin")
    for name in ("setup.cfg", "ruff.toml"):
        shutil.copy(root / name, tmp_path)
    (tmp_path / "bin" / "test").write_text('#!/bin/sh\necho "tested $*"\n')
    (tmp_path / "bin" / "test").chmod(0o755)
    return Checkout(tmp_path)


def test_the_new_plugin_loads_and_has_the_usual_five_verbs(checkout: Checkout) -> None:
    done = checkout.run("policies")
    assert done.returncode == 0, done.stderr
    collected = checkout.collected("policies")
    assert [(endpoint.method, endpoint.template, endpoint.permission) for endpoint in collected.endpoints] == [
        ("GET", "/policies", "policies:read"),
        ("POST", "/policies", "policies:create"),
        ("GET", "/policies/{policy_id}", "policies:read"),
        ("PUT", "/policies/{policy_id}", "policies:update"),
        ("PATCH", "/policies/{policy_id}", "policies:update"),
        ("DELETE", "/policies/{policy_id}", "policies:delete"),
    ]
    assert list(collected.events) == ["policies.created", "policies.updated", "policies.deleted"]


@pytest.mark.parametrize(
    ("name", "singular", "resource", "record"),
    [
        ("collections", "collection", "Collections", "CollectionRecord"),  # a name of the core
        ("occasions", "event", "Occasions", "EventRecord"),
        ("exceptions", "exception", "Exceptions", "ExceptionRecord"),  # a name of Python
        ("truths", "true", "Truths", "TrueRecord"),
        ("resource", "item", "ResourceResource", "Item"),
        ("examples", "example", "Examples", "Example"),  # the prefix of ids of a bundled plugin
        ("crm2", "lead_3", "Crm2", "Lead3"),
        ("tenants", "organization", "Tenants", "Organization"),
    ],
)
def test_an_awkward_name_makes_a_plugin_that_loads(
    checkout: Checkout, name: str, singular: str, resource: str, record: str
) -> None:
    assert checkout.run(name, singular).returncode == 0
    declared = checkout.collected(name).by_owner[name]
    assert [type(one).__name__ for one in declared.routes] == [resource]
    assert [one.__name__ for one in declared.models] == [record]


def test_its_ids_begin_with_its_own_name(checkout: Checkout) -> None:
    checkout.run("price_lists")
    assert checkout.collected("price_lists").models["price_lists_price_list"]._meta.id_prefix == "price_lists_price_list"


def test_the_names_of_the_core_are_reserved(root: Path) -> None:
    reserved = runpy.run_path(str(root / "bin" / "new-plugin"))["RESERVED"]
    resources = (Health, InstalledPlugins, EventTypes, Documentation)
    roots = {re.split(r"[/.]", path)[1] for resource in resources for path in resource.paths.values()}
    assert reserved == {"core", *COMMANDS, *roots}


def test_its_migration_makes_its_table_and_goes_down(checkout: Checkout, tmp_path: Path) -> None:
    checkout.run("price_lists")
    model = checkout.collected("price_lists").models["price_lists_price_list"]
    database = connect(f"sqlite:///{tmp_path}/test.db")
    source = migrations.Source("price_lists", checkout.root / "plugins" / "price_lists" / "migrations")
    migrations.migrate(database, [source])
    with database.connected(), system_scope("look at the tables"):
        assert {column.name for column in database.get_columns("price_lists_price_list")} == set(model._meta.columns)
    assert migrations.purge(database, source) == ["price_lists/0001_initial"]


def test_setup_cfg_lists_it_in_alphabetical_order(checkout: Checkout) -> None:
    checkout.run("beacons")
    parser = ConfigParser()
    parser.read(checkout.root / "setup.cfg")
    packages = parser["options"]["packages"].split("\n")[1:]
    entries = parser["options.entry_points"]["aasim.plugins"].split("\n")[1:]
    assert {"aasim_plugins.beacons", "aasim_plugins.beacons.migrations"} <= set(packages)
    assert "beacons = aasim_plugins.beacons" in entries
    assert packages == sorted(packages)
    assert entries == sorted(entries)


def test_the_rest_of_setup_cfg_stays_as_it_was(checkout: Checkout, root: Path) -> None:
    checkout.run("beacons")
    kept = [line for line in (checkout.root / "setup.cfg").read_text().splitlines() if "beacons" not in line]
    assert kept == (root / "setup.cfg").read_text().splitlines()


def test_the_contract_suite_runs_on_it_and_what_to_read_is_told(checkout: Checkout) -> None:
    done = checkout.run("beacons")
    assert "tested tests/beacons" in done.stdout
    assert "Read docs/extend/index.md" in done.stdout
    assert "PluginContract" in (checkout.root / "tests" / "beacons" / "test_contract.py").read_text()


def test_the_exit_code_is_that_of_the_suite(checkout: Checkout) -> None:
    (checkout.root / "bin" / "test").write_text("#!/bin/sh\nexit 3\n")
    assert checkout.run("beacons").returncode == 3


def test_what_it_writes_is_tidy(checkout: Checkout) -> None:
    checkout.run("job_sheets")
    written = [checkout.root / "plugins" / "job_sheets", checkout.root / "tests" / "job_sheets"]
    assert not [path for folder in written for path in folder.rglob("*") if path.is_file() and "{{" in path.read_text()]
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, *written]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "bin/new-plugin NAME [SINGULAR]"),
        (("--help",), "bin/new-plugin NAME [SINGULAR]"),
        (("Beacons",), "use lower-case words joined by single underscores"),
        (("core",), "A plugin cannot be named 'core'"),
        (("jobs",), "A plugin cannot be named 'jobs': the core has a command or a route of that name"),
        (("class", "lesson"), "A plugin cannot be named 'class': that is a word of Python"),
        (("endless" * 8, "end"), "has more than 55 letters; choose shorter names"),
        (("sheep",), "What is one of the sheep? Say it: bin/new-plugin sheep SINGULAR"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(
    checkout: Checkout, arguments: tuple[str, ...], complaint: str
) -> None:
    done = checkout.run(*arguments)
    assert complaint in done.stderr
    assert done.returncode in (64, 78)
    assert not list((checkout.root / "plugins").iterdir())


def test_a_plugin_that_is_there_already_is_not_touched(checkout: Checkout) -> None:
    checkout.run("sheep", "ewe")
    before = (checkout.root / "setup.cfg").read_text()
    assert "plugins/sheep is there already" in checkout.run("sheep", "ewe").stderr
    assert (checkout.root / "setup.cfg").read_text() == before
