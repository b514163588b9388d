"""Every hook has a section in the docs, an example that works, and a plugin that uses it."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from aasim_core import hookspecs
from aasim_core.collecting import collect
from aasim_core.plugins import Declarations

from ...docs.pages import Page, write

HOOKS = sorted(name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), "aasim_spec"))


def marked(file: Path, mark: str) -> set[str]:
    """The names of the functions in `file` that are marked ``@<mark>``."""
    return {
        node.name for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
        and any(mark in ast.unparse(decorator) for decorator in node.decorator_list)
    }  # fmt: skip


@pytest.fixture(scope="module")
def manual(root: Path) -> str:
    """The page about hooks."""
    return (root / "docs" / "extend" / "hooks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def used(root: Path) -> set[str]:
    """The hooks that some bundled plugin, or the dummy, implements."""
    files = [*(root / "plugins").glob("*/*.py"), *(root / "tests" / "dummy").glob("*.py")]
    return set().union(*(marked(file, "hookimpl") for file in files))


def test_there_are_hooks() -> None:
    assert {"routes", "jobs", "authenticate"} <= set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_of_the_core_has_a_section_with_its_signature(manual: str, hook: str) -> None:
    section = re.search(rf"^## {hook}\n\n`{hook}\((.*?)\)", manual, re.MULTILINE)
    assert section, f"docs/extend/hooks.md needs a section '## {hook}' that begins with its signature"
    names = getattr(hookspecs, hook).__code__.co_varnames
    assert section[1] == ", ".join(names[: getattr(hookspecs, hook).__code__.co_argcount])


def test_no_section_is_about_a_hook_that_does_not_exist(manual: str) -> None:
    assert sorted(re.findall(r"^## (\w+)$", manual, re.MULTILINE)) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_of_the_core_is_used(used: set[str], hook: str) -> None:
    assert hook in used, f"no plugin implements {hook}; a hook that nobody uses is not a hook"


@pytest.mark.long
def test_a_bundled_plugin_uses_each_hook_of_the_core(root: Path) -> None:
    bundled = set().union(*(marked(file, "hookimpl") for file in (root / "plugins").glob("*/*.py")))
    assert set(HOOKS) <= bundled


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_of_the_core_has_a_docstring(hook: str) -> None:
    assert (getattr(hookspecs, hook).__doc__ or "").strip()


def test_a_hook_that_a_plugin_offers_is_in_the_table_documented_and_used(root: Path, manual: str, used: set[str]) -> None:
    for file in (root / "plugins").glob("*/hookspecs.py"):
        for hook in marked(file, "hookspec"):
            row = rf"^\| `{hook}\(.*\)` \| `{file.parent.name}` \|"
            assert re.search(row, manual, re.MULTILINE), f"docs/extend/hooks.md: the table needs {hook} of {file.parent.name}"
            assert hook in used, f"no plugin implements {hook} of {file.parent.name}"


def test_the_examples_are_one_plugin_that_works(site: Any, manual: str) -> None:
    site.drop("notes", files={"migrations/0001_initial.py": ""})
    blocks = re.findall(r"^```python\n(.*?)^```$", manual, re.MULTILINE | re.DOTALL)
    (site.dropins / "notes" / "__init__.py").write_text("\n\n".join(blocks))
    collected = collect(site.load("notes"), site.app(), Declarations())
    provides = collected.plugins.find("notes").provides
    assert all((provides.permissions, provides.events, provides.jobs, provides.routes, provides.tables, provides.settings))
    manager = collected.plugins.manager
    assert sorted(caller.name for caller in manager.get_hookcallers(collected.plugins.on[0].module)) == HOOKS


def test_the_plugin_that_is_grown_in_seven_steps_works(site: Any, root: Path) -> None:
    write(Page(root / "docs" / "extend" / "index.md").files(), site.dropins, "notes")
    collected = collect(site.load("notes"), site.app(), Declarations())
    provides = collected.plugins.find("notes").provides
    assert all((provides.permissions, provides.events, provides.jobs, provides.routes, provides.tables, provides.settings))
    assert len(collected.endpoints) == 6
    assert collected.plugins.on[0].migrations is not None
