"""Hooks: those of the core, those that plugins offer, and everything that would silently never be called."""

from typing import Any

import pytest

from aasim_core.errors import StartupError
from aasim_core.plugins import PluginFailed


def test_plugins_are_asked_in_the_order_of_their_dependencies(site: Any) -> None:
    site.bundle("zebra", "@hookimpl\ndef startup(app):\n    return 'zebra'")
    site.bundle("ant", "@hookimpl\ndef startup():\n    return 'ant'", requires=("zebra",))
    site.bundle("mute")
    assert list(site.load().each("startup", app=None)) == [("zebra", "zebra"), ("ant", "ant")]


def test_the_plugin_that_fails_in_a_hook_is_named(site: Any) -> None:
    site.bundle("agents", "@hookimpl\ndef startup(app):\n    return 1 / 0")
    site.bundle("teams", "@hookimpl\ndef startup(app):\n    return 'ready'")
    with pytest.raises(
        PluginFailed, match=r"Plugin agents failed in its hook startup: ZeroDivisionError: division by zero \(agents/__i"
    ) as failed:
        list(site.load().each("startup", app=None))
    assert (failed.value.plugin, failed.value.hook) == ("agents", "startup")


def test_a_sentence_that_a_plugin_raises_itself_passes_as_it_is(site: Any) -> None:
    site.bundle(
        "agents", "from aasim_core.errors import StartupError\n@hookimpl\ndef startup(app):\n    raise StartupError('No model.')"
    )
    with pytest.raises(StartupError, match=r"^No model\.$"):
        list(site.load().each("startup", app=None))


def test_a_plugin_offers_hooks_to_others(site: Any) -> None:
    site.bundle("rubrics", files={"hookspecs.py": "from aasim_core.hookspecs import hookspec\n@hookspec\ndef graders(app): ..."})
    site.bundle("grader_text", "@hookimpl\ndef graders(app):\n    return ['text']", requires=("rubrics",))
    assert site.load().hook.graders(app=None) == [["text"]]


def test_a_hook_of_one_result_gives_one(site: Any) -> None:
    site.bundle("keys", "@hookimpl\ndef authenticate(app, req):\n    return [req]")
    assert list(site.load().each("authenticate", app=None, req="r")) == [("keys", ["r"])]


SPEC = "from aasim_core import hookspecs\n@hookimpl(spec=hookspecs.{})\ndef startup(app):\n    return 'ready'"


def test_a_hook_can_be_marked_with_its_specification(site: Any) -> None:
    site.bundle("slack", SPEC.format("startup"))
    assert list(site.load().each("startup", app=None)) == [("slack", "ready")]


@pytest.mark.parametrize(
    ("body", "files", "complaint"),
    [
        ("@hookimpl\ndef permisions(app):\n    return []", {}, "implements the hook permisions, which no plugin"),
        ("@hookimpl\ndef permisions(app):\n    return []", {}, 'did you mean "permissions"? (slack/__init__.py:4)'),
        (
            "@hookimpl\ndef routes(application):\n    return []", {},
            "implements the hook routes with the parameter application, which it does not have; write def routes(app), or as many of these "
            "(slack/__init__.py:4)",
        ),
        (SPEC.format("shutdown"), {}, "startup is marked as the hook shutdown; give both one name"),
        ("def routes(app):\n    return []", {}, "has a function routes, which is the name of a hook, without @hookimpl"),
        ("@hookimpl\ndef config_schema():\n    return {}", {}, "gives {} in config_schema, which must return a dataclass"),
        ("@hookimpl\ndef config_schema():\n    return 1 / 0", {}, "failed in its hook config_schema: ZeroDivisionError"),
        ("", {"hookspecs.py": "def graders(app): ..."}, "has a hookspecs.py without any function that is marked @hookspec"),
        ("", {"hookspecs.py": "import sys; sys.exit(3)"}, "does not import: SystemExit: 3 (slack/hookspecs.py:1)"),
        (
            "", {"hookspecs.py": "from aasim_core.hookspecs import hookspec\n@hookspec\ndef jobs(app): ..."},
            "offers the hook jobs, which the core has already; give it another name",
        ),
        (
            "", {"hookspecs.py": "from aasim_core.hookspecs import hookspec\n@hookspec\ndef graders(app): ..."},
            "offers the hook graders, which the plugin rubrics has already",
        ),
    ],
)  # fmt: skip
def test_a_plugin_that_does_not_fit_is_told_why_and_the_rest_starts(site: Any, body: str, files: Any, complaint: str) -> None:
    site.bundle("rubrics", files={"hookspecs.py": "from aasim_core.hookspecs import hookspec\n@hookspec\ndef graders(app): ..."})
    site.install("aasim-slack", "slack", body, files=files)
    site.drop("bridge", requires=("slack",))
    plugins = site.load("slack", "bridge", on_error="skip")
    assert complaint in plugins.find("slack").reason
    assert {plugin.name: plugin.state for plugin in plugins.found} == {"rubrics": "on", "slack": "broken", "bridge": "blocked"}
    assert [name for name, _ in plugins.manager.list_name_plugin()] == ["rubrics"]
    with pytest.raises(StartupError):
        site.load("slack", "bridge")


def test_a_hook_of_a_plugin_that_is_off_and_not_required_is_told_with_that_plugin(site: Any) -> None:
    site.bundle("rubrics", files={"hookspecs.py": "from aasim_core.hookspecs import hookspec\n@hookspec\ndef graders(app): ..."})
    site.drop("slack", "@hookimpl\ndef graders(app):\n    return []")
    assert site.examine("slack", disabled=("rubrics",)).find("slack").reason == (
        'implements the hook graders, which no plugin that is on offers; rubrics does: write requires=("rubrics",) in the manifest, or '
        "name it in `uses` and mark it @hookimpl(optionalhook=True) (slack/__init__.py:4)"
    )


def test_every_misspelt_hook_of_every_plugin_is_told(site: Any) -> None:
    for name in ("first", "second"):
        site.drop(name, "@hookimpl\ndef job(app):\n    return []")
    assert len(site.examine("first", "second").problems) == 2


def test_a_hook_of_a_plugin_that_may_be_off_is_marked_optional(site: Any) -> None:
    site.bundle("grader_text", "@hookimpl(optionalhook=True)\ndef graders(app):\n    return ['text']", uses=("rubrics",))
    site.bundle("rubrics", files={"hookspecs.py": "from aasim_core.hookspecs import hookspec\n@hookspec\ndef graders(app): ..."})
    assert site.states(disabled=("rubrics",)) == {"grader_text": "on", "rubrics": "off"}
    assert site.load().hook.graders(app=None) == [["text"]]


def test_a_plugin_has_no_settings_under_the_name_of_a_section_of_the_core(site: Any) -> None:
    body = "from dataclasses import dataclass\n@dataclass\nclass Own: ...\n@hookimpl\ndef config_schema():\n    return Own"
    site.bundle("mail", body)
    assert site.reason("mail").startswith("has settings, and the section [mail] is the core's")


@pytest.mark.parametrize(
    ("field", "flaw"),
    [
        ("most: int = 5", 'field most is not made with setting; write setting(…, "What it is for.") (slack/__init__.py:'),
        ("most: int = setting('five', 'How many.')", "most must be int: str is not an instance of int (slack/__init__.py:"),
    ],
)
def test_a_section_of_somebody_else_is_made_of_settings_with_fitting_defaults(site: Any, field: str, flaw: str) -> None:
    body = f"""
    from dataclasses import dataclass
    from aasim_core import setting
    @dataclass(frozen=True)
    class Own:
        {field}
    @hookimpl
    def config_schema(): return Own
    """
    site.install("aasim-slack", "slack", body)
    assert site.reason("slack", "slack").startswith(f"has a section of settings whose {flaw}")


def test_two_names_for_one_package_are_told(site: Any) -> None:
    site.install("aasim-slack", "slack")
    site.install("aasim-slack", "slick", value=f"aasim_slack_{site.token}.slack")
    assert "has the same package as another plugin" in site.reason("slick", "slack", "slick")


def test_a_submodule_that_is_named_like_a_hook_does_not_hide_it(site: Any) -> None:
    site.bundle(
        "agents",
        "@hookimpl\ndef jobs(app):\n    return ['job']",
        files={"jobs.py": "", "service.py": "from .jobs import __name__ as x"},
    )
    module = site.load().on[0].module
    __import__(f"{module.__name__}.service")
    __import__(f"{module.__name__}.jobs")
    assert list(site.load().each("jobs", app=None)) == [("agents", ["job"])]


def test_a_submodule_that_hides_a_hook_already_is_told(site: Any) -> None:
    site.bundle("agents", "@hookimpl\ndef jobs(app):\n    return ['job']", files={"jobs.py": ""})
    __import__(f"aasim_{site.token}.agents.jobs")
    assert site.reason("agents") == (
        "must import its .jobs at the top of its __init__.py; imported later, it takes the place of the hook jobs"
    )


def test_the_settings_sections_are_known_after_loading(site: Any) -> None:
    site.bundle(
        "agents", "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Limits:\n    most: int = 5\n"
        "@hookimpl\ndef config_schema():\n    return Limits",
    )  # fmt: skip
    plugins = site.load()
    assert [schema.__name__ for schema in plugins.schemas.values()] == ["Limits"]
    assert plugins.find("agents").provides.settings == ("most",)
