"""``aasim plugins new``: what it writes is a plugin that loads, and is tidy; what cannot be one is refused."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aasim_core.app import App
from aasim_core.authoring.names import TAKEN
from aasim_core.authoring.parts import PARTS
from aasim_core.bootstrap import build_app
from aasim_core.builtin.api_reference import Documentation
from aasim_core.builtin.health import Health
from aasim_core.catalog.event_types import EventTypes
from aasim_core.catalog.part_list import Parts
from aasim_core.catalog.plugins import InstalledPlugins, PluginDetails
from aasim_core.cli import COMMANDS, cli
from aasim_core.context import system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.migrator import runner as migrations
from aasim_core.errors import InvalidArgument
from aasim_core.testing.apps import settings_in
from aasim_core.testing.selection import only

pytestmark = pytest.mark.usefixtures("command_logs")

ALL = ",".join(PARTS)
#: The most letters that a name and a singular can have.
LONGEST = ("abcdefghij_klmnopqrs", "tsrqponmlkj_ihgfedcb")


@dataclass(frozen=True)
class Author:
    """Somebody with an empty folder for plugins, and nothing else."""

    place: Path

    @property
    def folder(self) -> Path:
        """The folder of plugins."""
        return self.place / "plugins"

    def new(self, *arguments: str) -> Result:
        """Call the command, for the folder unless the arguments name another place."""
        where = () if {"--dist", "--folder"} & set(arguments) else ("--folder", "plugins")
        return CliRunner().invoke(cli, ["plugins", "new", *arguments, *where])

    def app(self, name: str) -> App:
        """An app in which the plugin is on, with what it requires, and the dashboard."""
        return build_app(settings_in(self.place, only([name, "dashboard"], self.folder)))

    def record(self, table: str) -> Any:
        """The record of the plugin price_lists that has the table."""
        return next(model for model in self.app("price_lists").models if model._meta.table_name == table)


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Author:
    """Somebody in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Author(tmp_path)


def test_the_new_plugin_loads_and_has_the_usual_five_verbs(author: Author) -> None:
    done = author.new("policies")
    assert done.exit_code == 0, done.output
    app = author.app("policies")
    assert [(each.method, each.template, each.permission) for each in app.endpoints if each.plugin == "policies"] == [
        ("GET", "/policies", "policies:read"),
        ("POST", "/policies", "policies:create"),
        ("GET", "/policies/{policy_id}", "policies:read"),
        ("PUT", "/policies/{policy_id}", "policies:update"),
        ("PATCH", "/policies/{policy_id}", "policies:update"),
        ("DELETE", "/policies/{policy_id}", "policies:delete"),
    ]
    assert [name for name in app.events if name.startswith("policies.")] == [
        "policies.created", "policies.updated", "policies.deleted",
    ]  # fmt: skip


def test_with_every_part_it_brings_something_for_every_hook(author: Author) -> None:
    author.new("notes", "--with", ALL)
    app = author.app("notes")
    assert {hook for hook in ("engine_providers", "tools", "graders", "connectors", "dashboard_cards") if "notes" in app.offers(hook)} == {
        "engine_providers", "tools", "graders", "connectors", "dashboard_cards",
    }  # fmt: skip
    assert "notes_join" in app.offers("node_types")
    assert "notes.count" in app.jobs
    assert {"notes.noticed", "notes.counted"} <= set(app.events)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_works_alone_and_has_a_test_of_its_own(author: Author, part: str) -> None:
    author.new("notes", "--with", part)
    plugin = author.app("notes").plugins.find("notes")
    assert plugin is not None
    assert plugin.state == "on"
    tests = {path.name for path in (author.folder / "tests" / "notes").iterdir()}
    assert len(tests - {"conftest.py", "test_contract.py"}) == 1


@pytest.mark.parametrize(
    ("name", "singular", "resource", "record"),
    [
        ("collections", "collection", "Collections", "CollectionRecord"),  # a name of the core
        ("occasions", "event", "Occasions", "EventRecord"),
        ("sources", "grader", "Sources", "GraderRecord"),  # a name of the parts
        ("exceptions", "exception", "Exceptions", "ExceptionRecord"),  # a name of Python
        ("truths", "true", "Truths", "TrueRecord"),
        ("resource", "item", "ResourceResource", "Item"),
        ("examples", "example", "Examples", "Example"),  # the prefix of ids of a bundled plugin
        ("crm2", "lead_3", "Crm2", "Lead3"),
    ],
)
def test_an_awkward_name_makes_a_plugin_that_loads(author: Author, name: str, singular: str, resource: str, record: str) -> None:
    assert author.new(name, "--singular", singular, "--with", ALL).exit_code == 0
    app = author.app(name)
    assert {type(each.resource).__name__ for each in app.endpoints if each.plugin == name} == {resource}
    assert [model.__name__ for model in app.models if model._meta.table_name.startswith(f"{name}_")] == [record]


def test_a_plugin_that_is_called_otherwise_than_what_it_keeps_names_both(author: Author) -> None:
    done = author.new("inventory", "--resource", "items", "--with", ALL)
    assert done.exit_code == 0, done.output
    app = author.app("inventory")
    own = [each for each in app.endpoints if each.plugin == "inventory"]
    assert {each.template for each in own} == {"/inventory/items", "/inventory/items/{item_id}"}
    assert {type(each.resource).__name__ for each in own} == {"Items"}
    assert [model._meta.table_name for model in app.models if model.__name__ == "Item"] == ["inventory_item"]
    usual = ["inventory.item_created", "inventory.item_updated", "inventory.item_deleted"]
    assert [name for name in app.events if name.startswith("inventory.item")] == usual
    assert {each.permission for each in own} == {f"inventory:{verb}" for verb in ("read", "create", "update", "delete")}


def test_a_distribution_has_what_its_users_ask_for_to_fill_in(author: Author) -> None:
    said = author.new("beacons", "--dist", "mine").output
    assert "Fill in license, authors and urls in pyproject.toml." in said
    text = (author.place / "mine" / "pyproject.toml").read_text()
    filled = tomllib.loads(text.replace("# license", "license").replace("# authors", "authors").replace("# Source", "Source"))
    assert filled["project"]["license"] == "Apache-2.0"
    assert filled["project"]["authors"][0].keys() == {"name", "email"}
    assert filled["project"]["urls"] == {"Source": "https://example.com/aasim-beacons"}
    assert (author.place / "mine" / "aasim_beacons" / "py.typed").read_text() == ""


@pytest.mark.long
def test_mypy_takes_its_migration_when_it_is_strict(author: Author) -> None:
    author.new("beacons")
    command = (sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "beacons/migrations")
    done = subprocess.run(command, cwd=author.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_its_tests_import_is_there(author: Author) -> None:
    author.new("notes", "--with", ALL)
    for path in (author.folder / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("aasim_"):
                module = import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


def test_its_ids_begin_with_its_own_name(author: Author) -> None:
    author.new("price_lists")
    model = author.record("price_lists_price_list")
    assert model._meta.id_prefix == "price_lists_price_list"


def test_the_names_of_the_core_are_taken() -> None:
    resources = (Health, InstalledPlugins, PluginDetails, Parts, EventTypes, Documentation)
    roots = {re.split(r"[/.]", path)[1].replace("-", "_") for resource in resources for path in resource.paths.values()}
    assert {"core", *COMMANDS, *roots} <= TAKEN


def test_its_migration_makes_its_table_and_goes_down(author: Author, tmp_path: Path) -> None:
    author.new("price_lists")
    model = author.record("price_lists_price_list")
    database = connect(f"sqlite:///{tmp_path}/test.db")
    source = migrations.Source("price_lists", author.folder / "price_lists" / "migrations")
    migrations.migrate(database, [source])
    with database.connected(), system_scope("look at the tables"):
        assert {column.name for column in database.get_columns("price_lists_price_list")} == set(model._meta.columns)
    assert migrations.purge(database, source) == ["price_lists/0001_initial"]


def test_nothing_is_made_of_an_installation(author: Author) -> None:
    author.new("beacons")
    assert [path.name for path in author.place.iterdir()] == ["plugins"]


@pytest.mark.parametrize("where", ["--folder", "--dist"])
def test_what_to_do_next_is_told(author: Author, where: str) -> None:
    said = author.new("beacons", where, "here").output
    assert "aasim plugins enable beacons" in said
    assert "python -m pytest" in said


def test_a_distribution_has_everything_that_is_to_be_installed(author: Author) -> None:
    author.new("beacons", "--dist", "mine")
    project = tomllib.loads((author.place / "mine" / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["aasim.plugins"] == {"beacons": "aasim_beacons"}
    packages = project["tool"]["setuptools"]["packages"]
    assert {package.replace(".", "/") for package in packages} == {
        str(path.parent.relative_to(author.place / "mine")) for path in (author.place / "mine" / "aasim_beacons").rglob("*.py")
    }
    assert project["tool"]["setuptools"]["package-data"] == {"aasim_beacons": ["README.md", "py.typed"]}


def test_plugins_in_one_folder_share_its_configuration_of_tests(author: Author) -> None:
    author.new("beacons")
    (author.folder / "pytest.ini").write_text("# mine\n")
    assert author.new("sheep", "--singular", "ewe").exit_code == 0
    assert (author.folder / "pytest.ini").read_text() == "# mine\n"


@pytest.mark.parametrize(("name", "singular"), [("notes", "note"), ("ab", "xy"), LONGEST])
@pytest.mark.parametrize("where", ["--folder", "--dist"])
@pytest.mark.parametrize("parts", ["", ALL])
def test_what_it_writes_is_tidy(author: Author, root: Path, name: str, singular: str, where: str, parts: str) -> None:
    author.new(name, "--singular", singular, where, "here", "--with", parts)
    shutil.copy(root / "ruff.toml", author.place / "here")
    assert not [path for path in (author.place / "here").rglob("*.py") if "${" in path.read_text()]
    for command in (["check", "--no-cache"], ["format", "--check", "--diff", "--no-cache"]):
        ruff = [sys.executable, "-m", "ruff", *command, "."]
        done = subprocess.run(ruff, cwd=author.place / "here", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("names", [("inventory", "items", "item"), ("abcdefgh", "ihgfedcbajihgfedcbas", "ihgfedcbajihgfedcbat")])
def test_what_it_writes_of_another_resource_is_tidy(author: Author, root: Path, names: tuple[str, ...]) -> None:
    name, resource, singular = names
    author.new(name, "--resource", resource, "--singular", singular, "--dist", "here", "--with", ALL)
    shutil.copy(root / "ruff.toml", author.place / "here")
    for command in (["check", "--no-cache"], ["format", "--check", "--diff", "--no-cache"]):
        ruff = [sys.executable, "-m", "ruff", *command, "."]
        done = subprocess.run(ruff, cwd=author.place / "here", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("Beacons",), "use lower-case words joined by single underscores"),
        (("core",), "A plugin cannot be named 'core'"),
        (("jobs",), "A plugin cannot be named 'jobs': the core has a command, a route or settings of that name"),
        (("server",), "the core has a command, a route or settings of that name"),
        (("agents",), "A plugin cannot be named 'agents': there is one already"),
        (("class", "--singular", "lesson"), "A plugin cannot be named 'class': that is a word of Python"),
        (("tenants", "--singular", "organization"), "One of the tenants cannot be called 'organization'"),
        (("abcdefghijklmnopqrstus",), "has more than 20 letters; choose a shorter name"),
        (("sheep",), "What is one of the sheep? Say it: aasim plugins new sheep --singular WORD, or name what"),
        (("inventory", "--resource", "sheep"), "Say it: aasim plugins new inventory --resource sheep --singular WORD"),
        (("inventory", "--resource", "Items"), "A resource cannot be named 'Items'"),
        (("abcdefghijk", "--resource", "abcdefghijklmnopqrs"), "together have more than 28 letters"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(
    author: Author, arguments: tuple[str, ...], complaint: str
) -> None:
    refusal = author.new(*arguments).exception
    assert isinstance(refusal, InvalidArgument)
    assert complaint in str(refusal)
    assert not author.folder.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("notes", "--folder", "a", "--dist", "b"), "Say where: --folder DIR"),
        (("notes", "--with", "graders"), "There is no part 'graders'. Did you mean \"grader\"? The parts are engine, tool,"),
    ],
)
def test_arguments_that_say_nothing_clear_are_refused(author: Author, arguments: tuple[str, ...], complaint: str) -> None:
    done = author.new(*arguments)
    assert done.exit_code == 2
    assert complaint in " ".join(done.output.split())


def test_a_plugin_that_is_there_already_is_not_touched(author: Author) -> None:
    author.new("sheep", "--singular", "ewe", "--dist", "mine")
    refusal = author.new("sheep", "--singular", "ewe", "--dist", "mine", "--with", "job").exception
    assert "mine/aasim_sheep is there already" in str(refusal)
    assert not (author.place / "mine" / "aasim_sheep" / "jobs.py").exists()
