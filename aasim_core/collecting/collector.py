"""Collect the declarations of each enabled plugin, and refuse violations of rules and clashes."""

import dataclasses
import sys
from collections.abc import Callable, Container, Mapping
from contextlib import redirect_stdout, suppress
from functools import partial
from typing import Any, Protocol

from ..plugins.declarations import Collected, Declarations, Offer
from ..plugins.failures import place_of
from ..plugins.loading.hook_manager import offered_hooks
from ..plugins.loading.loader import without
from ..plugins.loading.selection import HasPlugins
from ..plugins.manifest import CORE
from ..plugins.registry import Loaded, PluginFailed, Plugins, ask
from ..tenancy.organization_settings import OrganizationSetting
from .hook_results import flaw_of, flaw_of_offers, name_of, wrong_types
from .rules import broken_rules

#: The core hook that fills each field of `Declarations`.
_HOOKS = {
    field.name: {"checks": "health"}.get(field.name, field.name)
    for field in dataclasses.fields(Declarations)
    if field.name not in ("offers", "owner", "bundled", "hooks")
}


class AppSoFar(Protocol):
    """The argument of hooks: an app with at least its settings and database."""

    @property
    def settings(self) -> HasPlugins: ...


def collect(plugins: Plugins, app: AppSoFar, core: Declarations) -> Collected:
    """Call the plugins' hooks with `app`, and check the results together with the core's own declarations.

    Raises StartupError with every problem; with ``plugins.on_error = "skip"`` these plugins become broken, their dependents blocked, and
    nothing of theirs is in the result. `Collected.plugins` is the resulting registry.
    """
    answers: dict[str, Declarations] = {}
    reasons: dict[str, str] = {}
    offered = offered_hooks(plugins)
    with redirect_stdout(sys.stderr):  # as while they are imported
        asked = {plugin.name: _declarations(plugins, plugin, app, offered) for plugin in plugins.on}
    for name, answer in asked.items():
        if isinstance(answer, Declarations):
            answers[name] = answer
        else:
            reasons[name] = answer
    while True:
        plugins = without(plugins, reasons) if reasons else plugins
        declared = {CORE: core, **{plugin.name: answers[plugin.name] for plugin in plugins.on}}
        reasons = broken_rules(declared, {plugin.name: plugin.manifest.requires for plugin in plugins.on})
        if not reasons:
            break
    plugins.refuse_problems(app.settings.plugins.on_error)
    return Collected(_with_brings(plugins, declared), declared)


def organization_settings(plugins: Plugins, app: AppSoFar) -> dict[str, tuple[OrganizationSetting, ...]]:
    """Return the organization settings by plugin; collected first, because routes show them. `collect` reports errors in a result."""
    declared: dict[str, tuple[OrganizationSetting, ...]] = {}
    for plugin in plugins.on:
        with suppress(PluginFailed):
            answers = _answers(plugins, plugin, _hooks_of(plugins, plugin), "organization_settings", app)
            good = (answer for answer in answers if flaw_of("organization_settings", answer) is None)
            declared[plugin.name] = tuple(setting for answer in good for setting in answer)
    return declared


def _declarations(plugins: Plugins, plugin: Loaded, app: AppSoFar, offered: Mapping[str, type[Any]]) -> Declarations | str:
    """Return the plugin's declarations, or all that is wrong with them."""
    flaws: list[str] = []
    hooks = _hooks_of(plugins, plugin)

    def asked(hook: str, flaw_in: Callable[[Any], str | None]) -> tuple[Any, ...]:
        try:
            answers = _answers(plugins, plugin, hooks, hook, app)
        except PluginFailed as error:
            flaws.append(error.reason)
            return ()
        found = [flaw for answer in answers if (flaw := flaw_in(answer))]
        values = () if found else tuple(value for answer in answers for value in answer)
        found += [] if plugin.bundled else wrong_types(hook, values)
        flaws.extend(f"{flaw}{place_of(hooks.get(hook))}" for flaw in found)
        return () if flaws else values

    values = {name: asked(hook, partial(flaw_of, hook)) for name, hook in _HOOKS.items()}
    offers = {hook: asked(hook, partial(flaw_of_offers, hook, kind)) for hook, kind in offered.items()}
    if values["models"] and not plugin.migrations:
        flaws.append("has records, and no folder migrations/ to make their tables")
    if flaws:
        return "; ".join(flaws)
    brought = tuple(Offer(hook, name_of(one), one) for hook, found in offers.items() for one in found)
    return Declarations(**values, offers=brought, owner=plugin.name, bundled=plugin.bundled, hooks=hooks)


def _answers(plugins: Plugins, plugin: Loaded, hooks: Container[str], hook: str, app: AppSoFar) -> list[Any]:
    """Return no or one result for `hook` from the plugin's own `hooks`; returning nothing yields None, which pluggy would drop."""
    if hook not in hooks:
        return []
    return ask(plugins.manager, plugins.on, plugin, hook, app=app) or [None]


def _hooks_of(plugins: Plugins, plugin: Loaded) -> Mapping[str, Callable[..., Any]]:
    """Return the plugin's own functions, by the hook that they implement."""
    callers = plugins.manager.get_hookcallers(plugin.module) or ()
    return {
        caller.name: implementation.function
        for caller in callers
        for implementation in caller.get_hookimpls()
        if implementation.plugin is plugin.module
    }


def _with_brings(plugins: Plugins, declared: Mapping[str, Declarations]) -> Plugins:
    found = list(plugins.found)
    for place, plugin in enumerate(found):
        if plugin.state == "on":
            found[place] = dataclasses.replace(plugin, provides=declared[plugin.name].provides(plugin.provides.settings))
    return dataclasses.replace(plugins, found=tuple(found))
