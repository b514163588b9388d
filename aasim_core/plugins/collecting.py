"""Collecting: ask each plugin that is on what it declares, and refuse what breaks a rule or clashes."""

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from ..access.organization_settings import OrganizationSetting
from .answers import flaw_of
from .choice import HasPlugins
from .declarations import Collected, Declarations
from .loading import without
from .manifest import CORE
from .registry import Loaded, PluginFailed, Plugins, ask
from .rules import broken_rules

#: The hook that fills each field of `Declarations`, where it is not named alike.
_HOOK_OF = {"checks": "health"}


class AppSoFar(Protocol):
    """What the hooks are given: an app that has at least its settings and its database."""

    @property
    def settings(self) -> HasPlugins: ...


def collect(plugins: Plugins, app: AppSoFar, core: Declarations) -> Collected:
    """Ask the plugins' hooks, with `app`, and check the answers together with what the core itself declares.

    Raises StartupError with every problem; with ``plugins.on_error = "skip"`` the plugins in question become broken, their
    dependents blocked, and nothing of theirs is in the result. The registry to go on with is `Collected.plugins`.
    """
    answers: dict[str, Declarations] = {}
    reasons: dict[str, str] = {}
    for plugin in plugins.on:
        answer = _declarations(plugins, plugin, app)
        if isinstance(answer, Declarations):
            answers[plugin.name] = answer
        else:
            reasons[plugin.name] = answer
    while True:
        plugins = without(plugins, reasons) if reasons else plugins
        declared = {CORE: core, **{plugin.name: answers[plugin.name] for plugin in plugins.on}}
        reasons = broken_rules(declared, {plugin.name: plugin.manifest.requires for plugin in plugins.on})
        if not reasons:
            break
    plugins.refuse_problems(app.settings.plugins.on_error)
    return Collected(_with_brings(plugins, declared), declared)


def organization_settings(plugins: Plugins, app: AppSoFar) -> dict[str, tuple[OrganizationSetting, ...]]:
    """What organizations may settle, by plugin: asked before all else, for routes show it. `collect` tells what is wrong with an answer."""
    declared: dict[str, tuple[OrganizationSetting, ...]] = {}
    for plugin in plugins.on:
        with suppress(PluginFailed):
            answers = _answers(plugins, plugin, "organization_settings", app)
            good = (answer for answer in answers if flaw_of("organization_settings", answer) is None)
            declared[plugin.name] = tuple(setting for answer in good for setting in answer)
    return declared


def _declarations(plugins: Plugins, plugin: Loaded, app: AppSoFar) -> Declarations | str:
    """What the plugin declares, or all that is wrong with it."""
    values: dict[str, tuple[Any, ...]] = {}
    flaws = []
    for field in dataclasses.fields(Declarations):
        hook = _HOOK_OF.get(field.name, field.name)
        try:
            answers = _answers(plugins, plugin, hook, app)
        except PluginFailed as error:
            flaws.append(error.reason)
            continue
        flaws += [flaw for answer in answers if (flaw := flaw_of(hook, answer))]
        values[field.name] = () if flaws else tuple(value for answer in answers for value in answer)
    return "; ".join(flaws) if flaws else Declarations(**values)


def _answers(plugins: Plugins, plugin: Loaded, hook: str, app: AppSoFar) -> list[Any]:
    """None or one answer; a hook that is there and returns nothing answers None, which pluggy would drop."""
    if not any(one.plugin is plugin.module for one in getattr(plugins.hook, hook).get_hookimpls()):
        return []
    return ask(plugins.manager, plugins.on, plugin, hook, app=app) or [None]


def _with_brings(plugins: Plugins, declared: Mapping[str, Declarations]) -> Plugins:
    found = list(plugins.found)
    for place, plugin in enumerate(found):
        if plugin.state == "on":
            found[place] = dataclasses.replace(plugin, brings=declared[plugin.name].brings(plugin.brings.settings))
    return dataclasses.replace(plugins, found=tuple(found))
