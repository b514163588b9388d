"""Loading: requirements, broken and blocked plugins, stop and skip."""

import sys
from typing import Any

import pytest

from aasim_core.bootstrap import load_plugins
from aasim_core.errors import StartupError
from aasim_core.plugins import without


def test_plugins_load_after_what_they_require_and_use(site: Any) -> None:
    site.bundle("agents", requires=("engines",), uses=("webhooks", "absent"))
    site.bundle("engines")
    site.bundle("webhooks", requires=("zones",))
    site.bundle("zones")
    assert [plugin.name for plugin in site.load().on] == ["engines", "zones", "webhooks", "agents"]


def test_the_loaded_module_is_the_plugin_that_pluggy_knows(site: Any) -> None:
    site.bundle("agents")
    plugins = site.load()
    assert plugins.manager.get_plugin("agents") is plugins.on[0].module
    assert plugins.on[0].module.plugin == plugins.on[0].manifest


def test_each_load_has_a_manager_of_its_own(site: Any) -> None:
    site.bundle("agents")
    assert site.load().manager is not site.load().manager


@pytest.mark.parametrize(
    ("disabled", "enabled", "complaint"),
    [
        ((), (), "requires slack, which is off; turn that on (aasim plugins enable slack), or this off"),
        ((), ("slack",), ""),
        ((), ("other",), "requires slack, which is off"),
    ],
)
def test_a_requirement_that_is_off_is_told(site: Any, disabled: Any, enabled: Any, complaint: str) -> None:
    site.bundle("bridge", requires=("slack",))
    site.install("aasim-slack", "slack")
    site.drop("other")
    assert site.reason("bridge", *enabled).startswith(complaint)


def test_a_requirement_that_is_not_installed_is_told(site: Any) -> None:
    site.bundle("bridge", requires=("slack",))
    with pytest.raises(StartupError) as refused:
        site.load()
    assert refused.value.problems == ("Plugin bridge requires slack, which is not installed.",)
    assert refused.value.exit_code == 78


def test_every_plugin_that_is_required_and_not_there_is_told_with_the_nearest_name(site: Any) -> None:
    site.bundle("agents")
    site.bundle("engines")
    site.install("aasim-slack", "slack")
    site.drop("notes", requires=("agent", "slack", "engin", "zzz"))
    assert site.reason("notes", "notes") == (
        'requires agent, engin, zzz, which are not installed; did you mean "agents", "engines"?; '
        "requires slack, which is off; turn that on (aasim plugins enable slack), or this off"
    )


def test_a_plugin_loads_beside_the_version_that_it_requires(site: Any) -> None:
    site.install("aasim-slack", "slack", version="1.2.0")
    site.drop("notes", requires=("slack>=1.1,<2",))
    assert site.states("notes", "slack")["notes"] == "on"


def test_another_version_than_is_required_is_told_with_all_else_that_is_missing(site: Any) -> None:
    site.install("aasim-slack", "slack", version="1.2.0")
    site.drop("bridge")
    site.drop("notes", requires=("slack>=2", "bridge>=1", "zzz>=1"))
    assert site.reason("notes", "notes", "slack", "bridge") == (
        "requires zzz, which is not installed; requires slack in the versions >=2, and it has 1.2.0; install one that fits, or another "
        "version of this plugin; requires bridge in the versions >=1, and it has none, being a folder; leave the versions out"
    )


def test_what_requires_a_plugin_that_is_off_is_not_imported_either(site: Any) -> None:
    site.bundle("agents")
    site.bundle("executions", "from ..agents import plugin as theirs", requires=("agents",))
    assert site.states(disabled=("agents",)) == {"agents": "off", "executions": "blocked"}
    assert not site.imported("agents")
    assert not site.imported("executions")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("import no_such_thing", "does not import: ModuleNotFoundError: No module named 'no_such_thing' (slack/__init__.py:4)"),
        ("\n\nraise ValueError('two\\nlines')", "does not import: ValueError: two lines (slack/__init__.py:6)"),
        ("import sys; sys.exit('good bye')", "does not import: SystemExit: good bye (slack/__init__.py:4)"),
        ("raise BaseException", "does not import: BaseException (slack/__init__.py:4)"),
        ("import json; json.loads('{')", "does not import: JSONDecodeError: Expecting property name"),
        ("def broken(:", "does not import: SyntaxError: invalid syntax (slack/__init__.py:4)"),
        ("from . import other", "does not import: SyntaxError: '(' was never closed (slack/other.py:2)"),
        ("from .deep import fail; fail()", "does not import: ZeroDivisionError: division by zero (slack/deep.py:2)"),
    ],
)
def test_a_plugin_that_does_not_import_is_told_with_the_reason_and_its_own_line(
    site: Any, body: str, complaint: str, capfd: Any
) -> None:
    site.drop("slack", body, files={"other.py": "\nx = (", "deep.py": "def fail():\n    1 / 0"})
    site.bundle("agents")
    plugins = site.load("slack", on_error="skip")
    assert plugins.find("slack").state == "broken"
    assert complaint in plugins.find("slack").reason
    assert "\n" not in plugins.find("slack").reason
    assert [plugin.name for plugin in plugins.on] == ["agents"]
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_from_the_keyboard_is_no_fault_of_a_plugin(site: Any) -> None:
    site.drop("slack", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.load("slack")


def test_all_problems_are_told_at_once(site: Any) -> None:
    site.drop("first", "1 / 0")
    site.drop("second", requires=("absent",))
    site.drop("third", api="2.0")
    with pytest.raises(StartupError) as refused:
        site.load("first", "second", "third", "fourth")
    assert [problem.split()[1] for problem in refused.value.problems] == ["first", "fourth", "second", "third"]


def test_the_dependents_of_a_broken_plugin_are_blocked_and_the_rest_starts(site: Any) -> None:
    site.bundle("agents", "1 / 0")
    site.bundle("executions", requires=("agents",))
    site.bundle("workflows", requires=("executions",))
    site.bundle("teams", uses=("agents",))
    plugins = site.load(on_error="skip")
    states = {plugin.name: (plugin.state, plugin.reason) for plugin in plugins.found}
    assert states["executions"] == ("blocked", "requires agents, which is broken")
    assert states["workflows"] == ("blocked", "requires executions, which is blocked")
    assert [plugin.name for plugin in plugins.on] == ["teams"]
    assert plugins.problems == (
        "Plugin agents does not import: ZeroDivisionError: division by zero (agents/__init__.py:4).",
    )  # fmt: skip


def test_an_essential_plugin_that_is_broken_stops_the_start_always(site: Any) -> None:
    site.bundle("auth", "1 / 0", essential=True)
    with pytest.raises(StartupError, match="Plugin auth does not import"):
        site.load(on_error="skip")


def test_a_circle_is_told_with_its_members(site: Any) -> None:
    site.bundle("a", requires=("b",))
    site.bundle("b", uses=("c",))
    site.bundle("c", requires=("a",))
    site.bundle("d", requires=("a",))
    assert site.states() == {"a": "broken", "b": "broken", "c": "broken", "d": "blocked"}
    assert site.reason("b") == "is in a circle of plugins that require or use each other: a → b → c → a"
    assert not site.imported("a")


def test_a_plugin_for_another_api_is_not_imported(site: Any) -> None:
    site.drop("slack", "raise AssertionError", api="1.7")
    assert site.reason("slack", "slack").startswith("needs the plugin API 1.7, and this is 1.0; upgrade aasim")
    assert not site.imported("slack")


def test_a_manifest_that_changes_when_it_is_imported_is_refused(site: Any) -> None:
    site.drop("slack", "plugin = Plugin('Other', 'For a test.')")
    assert site.reason("slack", "slack") == "changes its manifest when it is imported; `plugin` must be what its source says"


def test_drop_ins_import_each_other_as_bundled_plugins_do(site: Any) -> None:
    site.drop("agents", files={"models.py": "NAME = 'agent'"})
    site.drop("notes", "from ..agents.models import NAME", requires=("agents",))
    assert site.load("agents", "notes").on[1].module.NAME == "agent"


def test_a_drop_in_does_not_shadow_a_module_of_its_name(site: Any) -> None:
    site.drop("json")
    site.load("json")
    assert sys.modules["json"].__name__ == "json"
    assert hasattr(sys.modules["json"], "dumps")


def test_plugins_can_be_taken_out_later_with_a_reason(site: Any) -> None:
    site.bundle("agents")
    site.bundle("executions", requires=("agents",))
    site.bundle("teams")
    plugins = without(site.load(), {"agents": "failed to start: no model"})
    assert {p.name: p.state for p in plugins.found} == {"agents": "broken", "executions": "blocked", "teams": "on"}
    assert [name for name, _ in plugins.manager.list_name_plugin()] == ["teams"]
    assert plugins.problems == ("Plugin agents failed to start: no model.",)


def test_the_migrations_of_a_plugin_are_found_beside_its_code(site: Any) -> None:
    folder = site.bundle("agents", files={"migrations/0001_initial.py": ""})
    site.bundle("teams")
    assert [plugin.migrations for plugin in site.load().on] == [folder / "migrations", None]


def test_loading_again_gives_the_same(site: Any) -> None:
    site.bundle(
        "agents", "@hookimpl\ndef jobs(app):\n    from .jobs import work\n    return [work]", files={"jobs.py": "work = 1"}
    )
    settings = site.settings()
    for _ in range(2):
        plugins = load_plugins(settings)
        assert list(plugins.each("jobs", app=None)) == [("agents", [1])]
