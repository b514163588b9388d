"""The state of every discovered plugin: a read-only registry."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from ..errors import StartupError
from .containment import SLOW_SECONDS, Origin, tell_slow
from .failures import describe, is_from_outside
from .manifest import Plugin

State = Literal["on", "off", "broken", "blocked", "missing"]


@dataclass(frozen=True)
class Fault:
    """Why a plugin that should be on is not; `reason` is a phrase whose subject is the plugin.

    `broken`: the plugin itself is faulty. `blocked`: a plugin that it requires is. `missing`: it is not installed. `follows` is true where
    the cause is another plugin's fault, which is reported too.
    """

    state: Literal["broken", "blocked", "missing"]
    reason: str
    follows: bool = False


@dataclass(frozen=True)
class Provides:
    """The names of what an enabled plugin provides: routes are templates, settings are the keys of its section."""

    permissions: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    error_codes: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """One plugin, on or not.

    `origin` is ``bundled``, the name of its distribution, or its drop-in folder. `reason` says why it is not on, where that is
    not by choice. `folder` is that of its package, known even of a plugin that never ran. `api` is the version of the
    plugin API that its manifest names.
    """

    name: str
    title: str
    summary: str
    version: str
    origin: str
    state: State
    reason: str | None = None
    requires: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    provides: Provides = Provides()
    essential: bool = False
    operators_only: bool = False
    folder: Path | None = None
    api: str = ""

    @property
    def is_switchable(self) -> bool:
        """Whether an organization can disable it for itself."""
        return not (self.essential or self.operators_only)


@dataclass(frozen=True)
class Loaded:
    """An enabled plugin: its module, which is the object that pluggy knows, and its manifest."""

    name: str
    module: ModuleType
    manifest: Plugin
    bundled: bool = True

    def origin(self, hook: str, name: str) -> Origin:
        """Return the origin of what it offers under that name in that hook."""
        return Origin(self.name, hook, name, self.module.__file__, getattr(self.module, hook, None), self.bundled)

    @property
    def migrations(self) -> Path | None:
        """The folder of its migrations, if it has one."""
        if not self.module.__file__ or not hasattr(self.module, "__path__"):
            return None
        folder = Path(self.module.__file__).parent / "migrations"
        return folder if folder.is_dir() else None


class PluginFailed(StartupError):
    """A plugin raised in one of its hooks."""

    def __init__(self, plugin: str, hook: str, reason: str) -> None:
        super().__init__(sentence(plugin, reason))
        self.plugin = plugin
        self.hook = hook
        self.reason = reason


@dataclass(frozen=True)
class Plugins:
    """Every discovered plugin, by name, and the enabled ones, in the order of dependencies.

    `specs` is the module with the core's hooks. `schemas` are the dataclasses of the plugins' settings sections. `problems` are sentences
    about all failures; those in `fatal` stop the start whatever ``plugins.on_error`` says.
    """

    found: tuple[Found, ...]
    on: tuple[Loaded, ...]
    manager: pluggy.PluginManager
    specs: ModuleType
    schemas: Mapping[str, type[Any]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    fatal: tuple[str, ...] = ()

    @cached_property
    def _needs(self) -> Mapping[str, frozenset[str]]:
        requires = {plugin.name: plugin.manifest.requires for plugin in self.on}
        needs: dict[str, frozenset[str]] = {}
        for name, required in requires.items():  # in order, so that what a plugin requires is known before it
            needs[name] = frozenset((name,)).union(*(needs.get(other, {other}) for other in required))
        return needs

    def is_on(self, name: str) -> bool:
        """Return whether the plugin is enabled for the installation; for one organization use `Features.is_here`."""
        return name in self._needs

    def needs_of(self, name: str) -> frozenset[str]:
        """Return the plugin and all that it requires, directly or indirectly."""
        return self._needs.get(name, frozenset((name,)))

    @property
    def hook(self) -> pluggy.HookRelay:
        """pluggy's relay. It calls the plugin that loaded last first, and stops at the first exception."""
        return self.manager.hook

    def find(self, name: str) -> Found | None:
        """The plugin of that name, on or not, or None."""
        return next((plugin for plugin in self.found if plugin.name == name), None)

    def each(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call each enabled plugin's hook, in the order of dependencies; yields (plugin, result) for those that implement it.

        Raises `PluginFailed`, which names the plugin; a plugin's own StartupError passes unchanged.
        """
        for plugin in self.on:
            for answer in ask(self.manager, self.on, plugin, hook, **arguments):
                yield plugin.name, answer

    def callers(self, hook: str) -> Mapping[str, Callable[..., Any]]:
        """Return what calls the hook of each plugin that implements it, by the plugin's name, in the order in which pluggy asks them."""
        with_hook = {implementation.plugin for implementation in getattr(self.hook, hook).get_hookimpls()}
        asked = [plugin for plugin in reversed(self.on) if plugin.module in with_hook]
        others = {plugin.name: [other.module for other in asked if other is not plugin] for plugin in asked}
        return {name: self.manager.subset_hook_caller(hook, modules) for name, modules in others.items()}

    def refuse_problems(self, on_error: str) -> "Plugins":
        """Return itself, or raise a StartupError with all problems where they must stop the start."""
        if self.fatal or (self.problems and on_error == "stop"):
            raise StartupError(*self.problems)
        return self


#: Hooks that may take long, and report their progress: they prepare and show an installation.
_LONG_HOOKS = frozenset(("prepare", "demonstrate"))


def ask(manager: pluggy.PluginManager, on: Sequence[Loaded], plugin: Loaded, hook: str, **arguments: Any) -> list[Any]:
    """Return the results of one plugin, none or one, for one hook; raises `PluginFailed`."""
    others = [other.module for other in on if other is not plugin]
    caller = manager.subset_hook_caller(hook, others)
    began = time.monotonic()
    try:
        answer = caller(**arguments)
    except StartupError:
        raise
    except BaseException as error:
        if is_from_outside(error):
            raise
        raise PluginFailed(plugin.name, hook, f"failed in its hook {hook}: {describe(error, plugin.module.__file__)}") from error
    finally:
        if (seconds := time.monotonic() - began) > SLOW_SECONDS and hook not in _LONG_HOOKS:
            tell_slow(plugin.origin(hook, hook), seconds)
    if isinstance(answer, list) and not (caller.spec and caller.spec.opts.get("firstresult")):
        return answer
    return [] if answer is None else [answer]


def sentence(plugin: str, reason: str) -> str:
    """Return the reason of a fault as a sentence about the plugin."""
    return f"Plugin {plugin} {reason}" + ("" if reason.endswith("?") else ".")
