"""Collecting: what the hooks may answer, and how declarations are refused, told and kept apart."""

from typing import Any

import pytest

from aasim_core.collecting import collect
from aasim_core.errors import StartupError
from aasim_core.plugins import Declarations
from aasim_core.plugins.extensions import Offers

AGENTS = """
from aasim_core.access.permissions import Permission
from aasim_core.data.records import TenantRecord
from aasim_core.events.declarations import Event, Listener
from aasim_core.builtin.health import Check
from aasim_core.http.operations import Resource, operation
from aasim_core.jobs.declarations import Job
import click

class Agent(TenantRecord):
    class Meta:
        table_name = "agents_agent"
        id_prefix = "agent"

class Agents(Resource):
    paths = {"": "/agents", "one": "/agents/{agent_id}"}
    @operation("read")
    def on_get(self, req, resp): "List agents."
    @operation("agents:read")
    def on_get_one(self, req, resp, agent_id): "Get an agent."

def heard(event): ...

@hookimpl
def models(app):
    return [Agent]
@hookimpl
def permissions(app):
    return [Permission("agents:read", "See agents.")]
@hookimpl
def events(app):
    return [Event("agents.created", "An agent was created.")]
@hookimpl
def listeners(app):
    return [Listener("agents.*", heard)]
@hookimpl
def jobs(app):
    return [Job("agents.tidy", heard)]
@hookimpl
def routes(app):
    return [Agents()]
@hookimpl
def health(app):
    return [Check("agents", heard)]
@hookimpl
def commands(app):
    return [click.Command("tidy")]
"""

#: No records without migrations; nothing runs these.
TABLES = {"migrations/0001_initial.py": ""}


def test_everything_that_is_declared_is_collected_with_its_owner(site: Any) -> None:
    site.bundle("agents", AGENTS, files=TABLES)
    collected = collect(site.load(), site.app(), Declarations())
    assert list(collected.by_owner) == ["core", "agents"]
    assert list(collected.permissions) == ["agents:read"]
    assert list(collected.events) == ["agents.created"]
    assert list(collected.jobs) == ["agents.tidy"]
    assert list(collected.models) == ["agents_agent"]
    assert list(collected.listeners) == ["agents/agents.*/heard"]
    assert [(endpoint.plugin, endpoint.method, endpoint.permission) for endpoint in collected.endpoints] == [
        ("agents", "GET", "agents:read"), ("agents", "GET", "agents:read"),
    ]  # fmt: skip
    assert [(owner, command.name) for owner, command in collected.each("commands")] == [("agents", "tidy")]
    assert [check.name for check in collected.checks] == ["agents"]


def test_what_each_plugin_brings_can_be_read_from_the_registry(site: Any) -> None:
    site.bundle("agents", AGENTS, files=TABLES)
    provides = collect(site.load(), site.app(), Declarations()).plugins.find("agents").provides
    assert provides.permissions == ("agents:read",)
    assert provides.events == ("agents.created",)
    assert provides.jobs == ("agents.tidy",)
    assert provides.routes == ("/agents", "/agents/{agent_id}")
    assert provides.tables == ("agents_agent",)


def test_the_hooks_are_given_the_app(site: Any) -> None:
    site.bundle("agents", "@hookimpl\ndef permissions(app):\n    app.asked.append('agents')\n    return []")
    app = site.app()
    app.asked = []
    collect(site.load(), app, Declarations())
    assert app.asked == ["agents"]


@pytest.mark.parametrize(
    ("hook", "answer", "complaint"),
    [
        ("permissions", "None", "gives nothing in its hook permissions, which must return a list of Permission(…)"),
        (
            "permissions",
            "'agents:read'",
            "gives a value of type str in its hook permissions, which must return a list of Permission(…)",
        ),
        (
            "permissions",
            "['agents:read']",
            "gives a value of type str in its hook permissions, which must return Permission(…) only",
        ),
        ("events", "(x for x in ())", "gives a value of type generator in its hook events, which must return a list"),
        ("events", "[3]", "gives a value of type int in its hook events"),
        ("listeners", "[Listener('a.*', print, 'after')]", "whose moment is when_emitted, before_commit or after_commit"),
        ("listeners", "[Listener('a.*', print, 'before_commit', bool)]", "the last where it has `wanted`"),
        ("error_codes", "['full']", "gives a value of type str in its hook error_codes, which must return ErrorCode(…) only"),
        ("jobs", "[print]", "gives a value of type builtin_function_or_method in its hook jobs"),
        ("routes", "[Agents]", "gives the class Agents in its hook routes, which must return resources with `paths`"),
        ("routes", "[type('A', (), {'paths': {'': 5}})()]", "gives a value of type A in its hook routes"),
        ("routes", "[object()]", "gives a value of type object in its hook routes"),
        ("models", "[Agents]", "gives the class Agents in its hook models, which must return classes of records, derived from"),
        ("health", "[print]", "gives a value of type builtin_function_or_method in its hook health"),
        ("commands", "['tidy']", "gives a value of type str in its hook commands, which must return click commands only"),
        ("jobs", "1 / 0", "failed in its hook jobs: ZeroDivisionError: division by zero (slack/__init__.py:"),
        ("jobs", "exit(2)", "failed in its hook jobs: SystemExit: 2"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_and_the_rest_starts(site: Any, hook: str, answer: str, complaint: str) -> None:
    site.bundle("agents", AGENTS, files=TABLES)
    imports = "from aasim_core.events.declarations import Listener\nclass Agents: paths = {}\n"
    site.install("aasim-slack", "slack", f"{imports}@hookimpl\ndef {hook}(app):\n    return {answer}")
    site.drop("bridge", requires=("slack",))
    collected = collect(site.load("slack", "bridge"), site.app("skip"), Declarations())
    assert complaint in collected.plugins.find("slack").reason
    assert {plugin.name: plugin.state for plugin in collected.plugins.found} == {
        "agents": "on",
        "slack": "broken",
        "bridge": "blocked",
    }
    assert list(collected.by_owner) == ["core", "agents"]
    assert not collected.plugins.manager.has_plugin("slack")


def test_every_problem_of_every_plugin_is_told_at_once(site: Any) -> None:
    site.drop("first", "@hookimpl\ndef jobs(app):\n    return 1\n@hookimpl\ndef events(app):\n    return 2")
    site.drop("second", "@hookimpl\ndef jobs(app):\n    return 3")
    with pytest.raises(StartupError) as refused:
        collect(site.load("first", "second"), site.app(), Declarations())
    assert len(refused.value.problems) == 2
    assert "hook events" in refused.value.problems[0]
    assert "hook jobs" in refused.value.problems[0]


def test_an_essential_plugin_that_breaks_a_rule_stops_the_start_always(site: Any) -> None:
    site.bundle("auth", "@hookimpl\ndef jobs(app):\n    return 1", essential=True)
    with pytest.raises(StartupError, match="Plugin auth gives a value of type int"):
        collect(site.load(on_error="skip"), site.app("skip"), Declarations())


GREETERS = """
from collections.abc import Sequence
from dataclasses import dataclass

from aasim_core.hookspecs import hookspec

@dataclass(frozen=True)
class Greeter:
    name: str

@hookspec
def greeters(app: "App") -> Sequence[Greeter]: "Return who greets."

@hookspec
def unasked(app) -> Sequence[str]: "Return what is not asked for at start."

@hookspec(firstresult=True)
def greet(app: "App", name: str) -> Sequence[Greeter]: "Greet somebody."
"""
GREETING = """
from {offering}.hookspecs import Greeter

@hookimpl
def greeters(app):
    return {answer}
@hookimpl
def unasked(app):
    1 / 0
"""


def greeting(site: Any, name: str, answer: str) -> None:
    """Write a plugin that answers the hook `greeters` of the bundled plugin hall."""
    site.install(f"aasim-{name}", name, GREETING.format(offering=f"aasim_{site.token}.hall", answer=answer), requires=("hall",))


def test_what_plugins_bring_for_the_hook_of_another_is_asked_for_at_start(site: Any) -> None:
    site.bundle("hall", files={"hookspecs.py": GREETERS})
    greeting(site, "polite", "[Greeter('hello'), Greeter('good day')]")
    collected = collect(site.load("polite"), site.app(), Declarations())
    offers = Offers(collected, None)  # type: ignore[arg-type]
    assert list(offers("greeters")) == ["hello", "good day"]
    with pytest.raises(LookupError, match=r"offers the hook unasked\(app\)"):
        offers("unasked")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("None", "gives nothing in its hook greeters, which must return a list of Greeter(…) with a name"),
        ("['hello']", "gives a value of type str in its hook greeters, which must return Greeter(…) with a name only"),
        ("[Greeter(None)]", "gives a value of type Greeter in its hook greeters, which must return Greeter(…) with a name only"),
        ("1 / 0", "failed in its hook greeters: ZeroDivisionError: division by zero"),
        ("[Greeter('hello')] * 2", "declares the entry for greeters hello twice"),
    ],
)
def test_what_cannot_be_brought_breaks_only_who_brings_it(site: Any, answer: str, complaint: str) -> None:
    site.bundle("hall", files={"hookspecs.py": GREETERS})
    greeting(site, "polite", "[Greeter('good day')]")
    greeting(site, "rude", answer)
    collected = collect(site.load("polite", "rude"), site.app("skip"), Declarations())
    assert complaint in collected.plugins.find("rude").reason
    assert list(Offers(collected, None)("greeters")) == ["good day"]  # type: ignore[arg-type]


def test_records_without_migrations_are_told(site: Any) -> None:
    site.bundle("agents", AGENTS)
    with pytest.raises(StartupError) as refused:
        collect(site.load(), site.app(), Declarations())
    assert refused.value.problems == ("Plugin agents has records, and no folder migrations/ to make their tables.",)


@pytest.mark.parametrize(
    ("hook", "answer", "complaint"),
    [
        (
            "jobs",
            "[Job('slack.send', lambda: 1)]",
            'gives Job("slack.send", …) in its hook jobs, whose function must be Callable[[JobContext, Mapping[str, Any]], Any]: '
            "it is called with 2 arguments, and written <lambda>() (slack/__init__.py:",
        ),
        ("jobs", "[Job('slack.send', print, retry=5)]", "whose retry must be Retry: int is not an instance of"),
        ("jobs", "[Job('slack.send', print, retry=Retry('x'))]", "whose retry.max_attempts must be int: str is not"),
        ("events", "[Event('slack.sent', None)]", "whose summary must be str: None is not an instance of str"),
        ("listeners", "[Listener('a.*', None)]", "whose function must be Callable[[EventRow], Any]: None is not callable"),
        ("health", "[Check('slack', 5)]", "whose ask must be Callable[[], Mapping[str, Any] | None]: int is not callable"),
        (
            "permissions",
            "[Permission('slack:send', 's', roles=[3])]",
            "item 0 of list is not any of ('owner', 'admin', 'builder'",
        ),
    ],
)
def test_a_declaration_with_a_field_of_another_type_is_told_with_its_place(
    site: Any, hook: str, answer: str, complaint: str
) -> None:
    imports = "from aasim_core import Check, Event, Job, Listener, Permission\nfrom aasim_core.jobs.declarations import Retry\n"
    site.install("aasim-slack", "slack", f"{imports}@hookimpl\ndef {hook}(app):\n    return {answer}")
    reason = collect(site.load("slack"), site.app("skip"), Declarations()).plugins.find("slack").reason
    assert complaint in reason


def test_what_is_brought_for_the_hook_of_another_has_the_types_that_it_says(site: Any) -> None:
    site.bundle("hall", files={"hookspecs.py": GREETERS.replace("    name: str\n", "    name: str\n    words: int = 1\n")})
    greeting(site, "rude", "[Greeter('good day', words='two')]")
    reason = collect(site.load("rude"), site.app("skip"), Declarations()).plugins.find("rude").reason
    assert reason.startswith('gives Greeter("good day", …) in its hook greeters, whose words must be int: str is not an instance')
