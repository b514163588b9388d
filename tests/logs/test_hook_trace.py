"""Tracing hooks: who was asked what, and nothing of what was said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy
import pytest
from structlog.testing import capture_logs

from aasim_core import Permission
from aasim_core.bootstrap import build_app
from aasim_core.logs.hook_trace import shape_of, trace_hooks
from aasim_core.settings import Settings
from aasim_core.testing.apps import settings_in
from aasim_core.testing.selection import only

hookspec, hookimpl = pluggy.HookspecMarker("aasim"), pluggy.HookimplMarker("aasim")
SECRET = "hunter2-hunter2"


class Specs:
    """Two hooks."""

    @hookspec
    def gather(self, what: str) -> Any:
        """Each plugin answers."""

    @hookspec(firstresult=True)
    def choose(self, what: str) -> Any:
        """The first answer counts."""


def plugin_that(gather: Callable[[str], Any], choose: Callable[[str], Any] = lambda what: None) -> Any:
    class Answering:
        @hookimpl
        def gather(self, what: str) -> Any:
            return gather(what)

        @hookimpl
        def choose(self, what: str) -> Any:
            return choose(what)

    return Answering()


def traced(**plugins: Any) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("aasim")
    manager.add_hookspecs(Specs)
    for name, plugin in plugins.items():
        manager.register(plugin, name)
    trace_hooks(manager)
    return manager


def test_a_line_names_the_hook_the_plugin_the_shape_of_the_answer_and_the_time() -> None:
    manager = traced(notes=plugin_that(lambda what: [what, 7]))
    with capture_logs() as lines:
        manager.hook.gather(what=SECRET)
    assert lines[0].pop("milliseconds") >= 0
    assert lines == [
        {"event": "hook called", "log_level": "info", "hook": "gather", "plugin": "notes", "answer": "1 str and 1 int"}
    ]


def test_several_plugins_are_named_in_the_order_in_which_they_are_asked() -> None:
    manager = traced(first=plugin_that(lambda what: [1]), second=plugin_that(lambda what: ["a"]))
    with capture_logs() as lines:
        manager.hook.gather(what=SECRET)
    assert (lines[0]["plugin"], lines[0]["answer"]) == ("second, first", "1 str; 1 int")


def test_the_one_answer_of_a_first_result_is_told() -> None:
    with capture_logs() as lines:
        traced(notes=plugin_that(list, choose=lambda what: {"secret": what})).hook.choose(what=SECRET)
    assert lines[0]["answer"] == "dict"


def test_a_hook_that_raises_is_told_by_the_type_of_its_error() -> None:
    manager = traced(notes=plugin_that(lambda what: dict[str, str]()[what]))
    with capture_logs() as lines, pytest.raises(KeyError):
        manager.hook.gather(what=SECRET)
    assert (lines[0]["error"], "answer" in lines[0]) == ("KeyError", False)


def test_nothing_that_was_asked_or_answered_is_told() -> None:
    manager = traced(notes=plugin_that(lambda what: [what], choose=lambda what: what))
    with capture_logs() as lines:
        manager.hook.gather(what=SECRET)
        manager.hook.choose(what=SECRET)
    assert len(lines) == 2
    assert SECRET not in str(lines)


def test_a_hook_that_asks_another_has_its_own_time() -> None:
    manager = traced(outer=plugin_that(lambda what: manager.hook.choose(what=what), choose=lambda what: True))
    with capture_logs() as lines:
        manager.hook.gather(what=SECRET)
    assert [line["hook"] for line in lines] == ["choose", "gather"]
    assert lines[0]["milliseconds"] <= lines[1]["milliseconds"]


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (None, "nothing"),
        ([], "nothing"),
        ("text", "str"),
        (False, "bool"),
        (Settings, "class Settings"),
        ([Permission("a:b", "c"), Permission("a:d", "e")], "2 Permission"),
    ],
)
def test_a_shape_says_what_there_is_and_not_which(value: Any, shape: str) -> None:
    assert shape_of(value) == shape


def test_an_app_traces_where_its_settings_say_so(tmp_path: Path) -> None:
    with capture_logs() as lines:
        build_app(settings_in(tmp_path, {**only(["rubrics"]), "plugins.trace_hooks": True}))
    asked = {(line["plugin"], line["hook"]): line["answer"] for line in lines if line["event"] == "hook called"}
    assert asked["rubrics", "graders"] == "10 Grader"


def test_an_app_traces_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    with capture_logs() as lines:
        app = build_app(settings_in(tmp_path, only(["rubrics"])))
    assert [line for line in lines if line["event"] == "hook called"] == []
    assert app.plugins.manager._inner_hookexec.__name__ == "_multicall"


@pytest.mark.parametrize(("text", "value"), [("1", True), ("0", False), ("on", True), ("false", False)])
def test_the_environment_turns_it_on_and_off(text: str, value: bool) -> None:
    settings = Settings.load({}, environ={"AASIM_TRACE_HOOKS": text})
    assert settings.plugins.trace_hooks is value
