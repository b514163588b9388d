"""Collecting: ask each plugin that is on what it declares, and refuse what breaks a rule or clashes."""

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from ..access.organization_settings import OrganizationSetting
from .answers import flaw_of, flaw_of_offers, name_of
from .assembly import offered_hooks
from .choice import HasPlugins
from .declarations import Collected, Declarations, Offer
from .loading import without
from .manifest import CORE
from .registry import Loaded, PluginFailed, Plugins, ask
from .rules import broken_rules

#: The hook of the core that fills each field of `Declarations`.
_HOOKS = {field.name: field.name for field in dataclasses.fields(Declarations) if field.name not in ("offers", "owner")} | {
    "checks": "health"
}


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
    offered = offered_hooks(plugins.manager)
    for plugin in plugins.on:
        answer = _declarations(plugins, plugin, app, offered)
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


def _declarations(plugins: Plugins, plugin: Loaded, app: AppSoFar, offered: Mapping[str, type[Any]]) -> Declarations | str:
    """What the plugin declares, or all that is wrong with it."""
    flaws: list[str] = []

    def asked(hook: str, flaw_in: Callable[[Any], str | None]) -> tuple[Any, ...]:
        try:
            answers = _answers(plugins, plugin, hook, app)
        except PluginFailed as error:
            flaws.append(error.reason)
            return ()
        flaws.extend(flaw for answer in answers if (flaw := flaw_in(answer)))
        return () if flaws else tuple(value for answer in answers for value in answer)

    values = {name: asked(hook, partial(flaw_of, hook)) for name, hook in _HOOKS.items()}
    offers = {hook: asked(hook, partial(flaw_of_offers, hook, kind)) for hook, kind in offered.items()}
    if values["models"] and not plugin.migrations:
        flaws.append("has records, and no folder migrations/ to make their tables")
    if flaws:
        return "; ".join(flaws)
    brought = tuple(Offer(hook, name_of(one), one) for hook, found in offers.items() for one in found)
    return Declarations(**values, offers=brought, owner=plugin.name)


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
