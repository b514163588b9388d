"""What others write: an installed distribution and a drop-in, beside ours, and a broken one that breaks nothing else."""

from typing import Any

from aasim_core.collecting import collect
from aasim_core.plugins import Collected, Declarations

SLACK = """
from aasim_core.events.declarations import Event, Listener
from aasim_core.jobs.declarations import Job

from .service import send

@hookimpl
def events(app):
    return [Event("slack.sent", "A message was sent.")]

@hookimpl
def listeners(app):
    return [Listener("agents.*", send)]

@hookimpl
def jobs(app):
    return [Job("slack.send", send)]

@hookimpl
def greeters(app):
    return ["slack"]
"""

AGENTS = """
from aasim_core.events.declarations import Event

@hookimpl
def events(app):
    return [Event("agents.created", "An agent was created.")]
"""

NOTES = """
from aasim_core.access.permissions import Permission

from ..pens.service import INK

@hookimpl
def permissions(app):
    return [Permission("notes:read", f"See notes in {INK}")]

@hookimpl(optionalhook=True)
def greeters(app):
    return ["notes"]
"""

SPECS = "from aasim_core.hookspecs import hookspec\n\n@hookspec\ndef greeters(app): ...\n"


def installation(site: Any) -> Collected:
    """A bundled plugin, an installed one that requires it, two drop-ins of which one requires the other, and two broken ones."""
    site.bundle("agents", AGENTS, files={"hookspecs.py": SPECS})
    site.install("aasim-slack", "slack", SLACK, files={"service.py": "def send(*args): ..."}, requires=("agents",))
    site.drop("pens", files={"service.py": "INK = 'ink'"})
    site.drop("notes", NOTES, requires=("pens",), uses=("agents",))
    site.install("aasim-teams", "teams", "\nimport not_there")
    site.drop("crash", "@hookimpl\ndef jobs(app):\n    raise OSError('no disk')")
    site.drop("more", requires=("crash",))
    return collect(
        site.load("slack", "notes", "pens", "teams", "crash", "more", on_error="skip"), site.app("skip"), Declarations()
    )


def test_plugins_of_others_are_on_beside_ours_in_the_order_of_their_needs(site: Any) -> None:
    assert [plugin.name for plugin in installation(site).plugins.on] == ["agents", "pens", "notes", "slack"]


def test_what_they_declare_is_there_like_ours(site: Any) -> None:
    collected = installation(site)
    assert list(collected.events) == ["agents.created", "slack.sent"]
    assert list(collected.jobs) == ["slack.send"]
    assert list(collected.listeners) == ["slack/agents.*/send"]
    assert list(collected.permissions) == ["notes:read"]


def test_they_implement_the_hooks_that_ours_offer(site: Any) -> None:
    assert list(installation(site).plugins.each("greeters", app=None)) == [("notes", ["notes"]), ("slack", ["slack"])]


def test_a_broken_one_is_reported_with_name_and_reason_and_breaks_nothing_else(site: Any) -> None:
    plugins = installation(site).plugins
    assert plugins.problems == (
        "Plugin teams does not import: ModuleNotFoundError: No module named 'not_there' (teams/__init__.py:5).",
        "Plugin crash failed in its hook jobs: OSError: no disk (crash/__init__.py:6).",
    )
    assert {p.name: (p.state, p.origin) for p in plugins.found if p.state != "on"} == {
        "teams": ("broken", "aasim-teams"),
        "crash": ("broken", str(site.dropins)),
        "more": ("blocked", str(site.dropins)),
    }


def test_the_relay_does_not_know_a_broken_one(site: Any) -> None:
    registered = {name for name, _ in installation(site).plugins.manager.list_name_plugin()}
    assert registered == {"agents", "pens", "notes", "slack"}


DOCUMENTS = """
from aasim_core import TenantRecord

class Doc(TenantRecord):
    class Meta:
        table_name = "{plugin}_doc"
        id_prefix = "{plugin}_doc"

@hookimpl
def models(app):
    return [Doc]
"""


def test_two_authors_who_call_a_record_alike_can_be_on_together(site: Any) -> None:
    for plugin in ("alpha", "beta"):
        site.drop(plugin, DOCUMENTS.format(plugin=plugin), files={"migrations/0001_initial.py": ""})
    models = collect(site.load("alpha", "beta"), site.app(), Declarations()).models
    assert [model._meta.id_prefix for model in models.values()] == ["alpha_doc", "beta_doc"]
