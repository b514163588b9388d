"""Probes: each uses an offer of another plugin as the plugin that it belongs to does, in the organization of a person."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...context import organization_scope
from ...worker.runner import work_off
from ..world import Answer, Person, World

if TYPE_CHECKING:
    from ...app import App
    from ...plugins.registry import Loaded


@dataclass(frozen=True)
class Trial:
    """The offer of that `name`, and the `person` in whose organization it is used."""

    world: World
    person: Person
    name: str

    @property
    def app(self) -> "App":
        """The app, in which every bundled plugin is enabled, and the one under test."""
        return self.world.app

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction in the scope of the organization, for rows that the API would refuse."""
        with organization_scope(self.person.organization_id), self.app.database.transaction():
            yield

    def work_off(self) -> None:
        """Do the jobs that are ready."""
        work_off(self.app)


#: Uses an offer, and returns what people are told of it.
Use = Callable[[], str]


@dataclass(frozen=True)
class Probe:
    """A way in which a plugin uses the offers of a hook.

    `prepare(trial)` is called in two organizations while the plugin that brings the offer is on. It makes what needs the offer, such as an
    agent with a tool: any tool, even one that does not exist, as long as the plugin is asked for it. It returns what uses the offer, which
    is called after the plugin has been switched off in one of them. `says` is what people are told there, ``{plugin}`` standing for its
    name; where it is empty, the offer is skipped without a word.
    """

    prepare: Callable[[Trial], Use]
    says: str = ""


@dataclass(frozen=True)
class Everywhere:
    """The offers of a hook are used for the whole installation, wherever their plugin is off, for this `reason`."""

    reason: str


#: What a plugin's ``probes.py`` has as `PROBES`, by the name of the hook.
Probes = Mapping[str, Sequence[Probe | Everywhere]]


def probes_of(app: "App", hook: str) -> list[Probe | Everywhere]:
    """The probes of the hook in all plugins that are on."""
    return [probe for plugin in app.plugins.on for probe in _probes_in(plugin).get(hook, ())]


def _probes_in(plugin: "Loaded") -> Probes:
    name = f"{plugin.module.__name__}.probes"
    if not hasattr(plugin.module, "__path__") or find_spec(name) is None:
        return {}
    probes: Probes = import_module(name).PROBES
    return probes


def told(answer: Answer) -> str:
    """What an answer says, as text."""
    return str(answer.body)
