"""What the code has, the documentation names: settings, codes, permissions, events, routes, commands, fields of the log."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import click
import pytest

from aasim_core.access.roles import BUILT_IN
from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.cli import cli
from aasim_core.logs import configuration as logs
from aasim_core.settings.sources import SHORT_NAMES
from aasim_core.testing.apps import settings_in
from aasim_plugins.connected_apps.hookspecs import ERROR_CODES as APP_ERRORS
from aasim_plugins.connected_apps.models import STATES
from aasim_plugins.engines.hookspecs import ERROR_CODES
from aasim_plugins.executions import states

from .pages import Page, pages_of
from .reference.pages import PAGES

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(file.parent.name for file in (ROOT / "plugins").glob("*/__init__.py"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """An app with every bundled plugin on."""
    return build_app(settings_in(tmp_path_factory.mktemp("app"), {}))


def rows(page: Page) -> list[list[str]]:
    """The cells of every row of the page's tables."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in page.text.splitlines() if line.startswith("| ")]


def codes_in_first_cells(page: Page) -> set[str]:
    """What stands as code in the first cell of a row."""
    return {code for cells in rows(page) for code in re.findall(r"`([^`]+)`", cells[0])}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_as_the_code_declares(app: App, pages: Mapping[str, Page], name: str) -> None:
    assert pages[f"docs/reference/{name}.md"].text == PAGES[name](app), "run: .venv/bin/python -m tests.docs.reference"


def test_short_names_of_settings_are_documented(pages: Mapping[str, Page]) -> None:
    assert codes_in_first_cells(pages["docs/operate/configure.md"]) >= {"AASIM_CONFIG", *SHORT_NAMES}


def test_every_built_in_role_is_documented(pages: Mapping[str, Page]) -> None:
    assert codes_in_first_cells(pages["docs/operate/roles.md"]) == set(BUILT_IN)


def test_every_deprecation_is_documented_as_it_is(app: App, pages: Mapping[str, Page]) -> None:
    specs = [caller.spec for caller in vars(app.plugins.hook).values() if getattr(caller, "spec", None)]
    declared = [w for spec in specs for w in (spec.warn_on_impl, *(spec.warn_on_impl_args or {}).values()) if w is not None]
    expected = sorted([f"`{each.what}`", each.since, each.until, each.instead] for each in declared)
    assert sorted(rows(pages["docs/extend/deprecations.md"])[1:]) == expected


def test_every_field_of_the_log_is_documented(pages: Mapping[str, Page]) -> None:
    described = {code for cells in rows(pages["docs/operate/observability.md"]) for code in re.findall(r"`(\w+)`", cells[0])}
    assert described == logs.FIELDS


def test_every_error_of_an_engine_is_documented(pages: Mapping[str, Page]) -> None:
    assert codes_in_first_cells(pages["docs/use/engines.md"]) >= set(ERROR_CODES)


def test_every_state_and_error_of_a_connected_app_is_documented(pages: Mapping[str, Page]) -> None:
    assert codes_in_first_cells(pages["docs/use/connected-apps.md"]) >= {*STATES, *APP_ERRORS}


def test_every_state_error_and_log_event_of_an_execution_is_documented(pages: Mapping[str, Page]) -> None:
    described = codes_in_first_cells(pages["docs/use/executions.md"])
    assert described >= set(states.ALL)
    assert described >= {f"engine_{code}" for code in ERROR_CODES}
    for plugin in ("executions", "agents"):
        assert described >= first_arguments(ROOT / "plugins" / plugin, {"RunFailed", "_error", "log"})


def first_arguments(folder: Path, functions: set[str]) -> set[str]:
    """The texts that the functions are called with first, in the files of the folder."""
    calls = (node for file in folder.glob("*.py") for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
    named = ((ast.unparse(call.func).rpartition(".")[2], call.args) for call in calls)
    return {
        str(arguments[0].value) for name, arguments in named
        if name in functions and arguments and isinstance(arguments[0], ast.Constant)
    }  # fmt: skip


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_names_everything_that_it_brings(app: App, pages: Mapping[str, Page], name: str) -> None:
    plugin = app.plugins.find(name)
    assert plugin is not None
    text = pages[f"plugins/{name}/README.md"].text
    provides = plugin.provides
    settings = [setting.rpartition(".")[2] for setting in provides.settings]
    for what in (*provides.permissions, *provides.events, *provides.error_codes, *provides.jobs, *provides.routes, *settings):
        assert re.search(rf"(?<![\w:.]){re.escape(what)}(?![\w:/{{])", text), f"plugins/{name}/README.md does not name {what}"


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_names_the_hooks_that_it_offers(pages: Mapping[str, Page], name: str) -> None:
    specs = ROOT / "plugins" / name / "hookspecs.py"
    offered = re.findall(r"^@hookspec.*\ndef (\w+)", specs.read_text(), re.MULTILINE) if specs.exists() else []
    missing = [hook for hook in offered if f"`{hook}(" not in pages[f"plugins/{name}/README.md"].text]
    assert not missing


@cache
def command_of(name: str) -> click.Command | None:
    """The command of that name, also a plugin's."""
    return cli.get_command(click.Context(cli), name)


@pytest.mark.parametrize("name", pages_of(ROOT))
def test_the_commands_that_a_page_names_exist(app: App, pages: Mapping[str, Page], name: str) -> None:
    own = {"activities": ["verify", "restart"], "engines": ["fetch"], "notes": ["count"], "wordlist": ["fetch"]}
    for line in re.findall(r"(?:^[$#] |`)(?:sudo \S+ )?aasim ([a-z][^`\n#]*)", pages[name].text, re.MULTILINE):
        first, *words = line.split()
        command = command_of(first) if first not in own else None
        if command is None:
            assert words and words[0] in own.get(first, ()), f"{name}: there is no command: aasim {line}"
            continue
        if isinstance(command, click.Group) and words:
            inner = command.get_command(click.Context(command), words[0])
            assert inner is not None or not words[0].isalpha(), f"{name}: there is no command: aasim {line}"
            command = inner or command
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, f"{name}: there is no such option: aasim {line}"


def test_each_promise_points_to_tests_that_exist(pages: Mapping[str, Page]) -> None:
    promises = re.split(
        r"^\d\. ", pages["docs/operate/secure.md"].text.partition("\n\n## Your responsibilities")[0], flags=re.MULTILINE
    )[1:]
    assert len(promises) == 8
    for promise in promises:
        pointers = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", promise)
        assert pointers, promise
        for path, test in pointers:
            assert f"def {test}(" in (ROOT / path).read_text(), f"there is no {path}::{test}"


def test_the_jobs_that_examples_name_exist(app: App, pages: Mapping[str, Page]) -> None:
    named = {
        name for path, page in pages.items() if path.startswith("docs/") for name in re.findall(r"--name ([a-z_.]+)", page.text)
    }
    assert named
    assert named <= {*app.jobs, *(name.partition(".")[0] for name in app.jobs)}
