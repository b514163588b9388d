"""Load plugins: from the settings to a registry in which each is on, off, or has the reason why it failed."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import fields, replace
from types import ModuleType

from ...text.suggestions import nearest
from ..manifest import Plugin, api_flaw, version_flaw
from ..registry import Fault, Found, Loaded, Plugins, Provides, sentence
from .discovery import Candidate, discover, offer_dropins
from .hook_manager import assemble, config_schemas
from .importing import Unimportable, import_plugin
from .ordering import cycles, order
from .selection import Choice, HasPlugins, choose

Candidates = Mapping[str, Candidate]
Faults = Mapping[str, Fault]


def load(settings: HasPlugins, specs: ModuleType) -> Plugins:
    """Discover, select, import, check, order and register the plugins; `specs` is the module with the core's hooks.

    Raises StartupError with every problem if there is one; with ``plugins.on_error = "skip"`` only for invalid settings or a failed
    essential plugin.
    """
    return examine(settings, specs).refuse_problems(settings.plugins.on_error)


def examine(settings: HasPlugins, specs: ModuleType) -> Plugins:
    """Like `load`, but problems are only reported, in `Plugins.problems`."""
    candidates = discover(settings.plugins.folder)
    choice = choose(candidates, settings.plugins)
    chosen = {name: candidates[name] for name in sorted(choice.wanted)}
    faults = {name: Fault("missing", reason) for name, reason in choice.missing.items()}
    faults |= _unfit(chosen)
    faults |= _in_circles(_graph(_manifests(chosen, faults)))
    with redirect_stdout(sys.stderr):  # what a command itself prints may be read by a program
        loaded, faults = _import_all(candidates, chosen, faults)
        return _settle(_registry(candidates, choice, specs), loaded, faults)


def without(plugins: Plugins, reasons: Mapping[str, str]) -> Plugins:
    """Return the registry with the plugins in `reasons` broken, and their dependents blocked.

    A reason is a phrase whose subject is the plugin: ``"failed in its hook startup: …"``.
    """
    return _settle(plugins, plugins.on, {name: Fault("broken", reason) for name, reason in reasons.items()})


def _unfit(chosen: Candidates) -> dict[str, Fault]:
    flaws = {name: c.flaw or (api_flaw(c.manifest.api) if c.manifest else None) for name, c in chosen.items()}
    return {name: Fault("broken", flaw) for name, flaw in flaws.items() if flaw}


def _manifests(chosen: Candidates, faults: Faults) -> dict[str, Plugin]:
    return {name: c.manifest for name, c in chosen.items() if name not in faults and c.manifest}


def _graph(manifests: Mapping[str, Plugin]) -> dict[str, tuple[str, ...]]:
    return {name: (*manifest.requires, *manifest.uses) for name, manifest in manifests.items()}


def _in_circles(graph: Mapping[str, Iterable[str]]) -> dict[str, Fault]:
    return {
        name: Fault("broken", f"is in a circle of plugins that require or use each other: {' → '.join(circle)}")
        for circle in cycles(graph)
        for name in circle
    }


def _import_all(candidates: Candidates, chosen: Candidates, faults: Faults) -> tuple[list[Loaded], dict[str, Fault]]:
    """Import in order; dependents of a plugin that is not on are not imported, because they would fail for the same reason."""
    faults = dict(faults)
    loaded: list[Loaded] = []
    manifests = _manifests(chosen, faults)
    versions = {name: candidate.version for name, candidate in candidates.items()}
    offer_dropins(chosen.values())
    for name in order(_graph(manifests)):
        fault = _unmet(manifests[name], versions, {plugin.name for plugin in loaded}, faults)
        try:
            if fault is None:
                loaded.append(Loaded(name, import_plugin(chosen[name]), manifests[name], chosen[name].bundled))
        except Unimportable as error:
            fault = Fault("broken", str(error))
        if fault:
            faults[name] = fault
    return loaded, faults


def _unmet(manifest: Plugin, known: Mapping[str, str], on: Iterable[str], faults: Faults) -> Fault | None:
    """What the plugin requires and has not, all of it; `known` are the versions of all that are installed."""
    absent = [name for name in manifest.requires if name not in known and name not in faults]
    off = [name for name in manifest.requires if name in known and name not in on and name not in faults]
    reasons = [*_absences(absent, known), *_switches(off), *_misfits(manifest, known)]
    if reasons:
        return Fault("blocked", "; ".join(reasons))
    faulty = next((name for name in manifest.requires if name in faults), None)
    return Fault("blocked", f"requires {faulty}, which is {faults[faulty].state}", follows=True) if faulty else None


def _absences(names: Sequence[str], known: Iterable[str]) -> Iterator[str]:
    """Return the message about required plugins that are not installed, each with the closest existing name."""
    if names:
        near = [f'"{found}"' for name in names if (found := nearest(name, sorted(known)))]
        advice = f"; did you mean {', '.join(near)}?" if near else ""
        yield f"requires {', '.join(names)}, which {'is' if len(names) == 1 else 'are'} not installed{advice}"


def _switches(names: Sequence[str]) -> Iterator[str]:
    """Return the message about required plugins that are disabled."""
    if names:
        is_or_are, that = ("is", "that") if len(names) == 1 else ("are", "them")
        command = f"aasim plugins enable {' '.join(names)}"
        yield f"requires {', '.join(names)}, which {is_or_are} off; turn {that} on ({command}), or this off"


def _misfits(manifest: Plugin, known: Mapping[str, str]) -> Iterator[str]:
    """What is said of plugins that are installed in other versions than are required."""
    for name, versions in manifest.constraints:
        flaw = version_flaw(versions, known[name]) if name in known else None
        if flaw:
            yield f"requires {name} in the versions {versions}, and it {flaw}"


def _settle(plugins: Plugins, on: Sequence[Loaded], faults: Faults) -> Plugins:
    """Assemble the working plugins: repeat without those that fail until all remaining ones work."""
    known = {plugin.name: plugin.version for plugin in plugins.found}
    while True:
        faults = _with_blocked(on, known, faults)
        on = [plugin for plugin in on if plugin.name not in faults]
        manager, unfit = assemble(on, plugins.specs, plugins.found)
        schemas, broken = ({}, {}) if unfit else config_schemas(manager, on)
        if not unfit and not broken:
            break
        faults = {**faults, **unfit, **broken}
    found = [_judged(plugin, faults, {plugin.name for plugin in on}) for plugin in plugins.found]
    found += [_absent(name, faults[name]) for name in faults.keys() - known.keys()]
    told = [sentence(name, fault.reason) for name, fault in sorted(faults.items()) if not fault.follows]
    essential = [sentence(p.name, p.reason) for p in found if p.essential and p.reason]
    return replace(
        plugins,
        found=tuple(sorted(_with_settings(found, schemas), key=lambda plugin: plugin.name)),
        on=tuple(on),
        manager=manager,
        schemas=schemas,
        problems=tuple(dict.fromkeys((*plugins.problems, *told))),
        fatal=(*plugins.fatal, *essential),
    )


def _with_blocked(on: Sequence[Loaded], known: Mapping[str, str], faults: Faults) -> dict[str, Fault]:
    faults = dict(faults)
    names = {plugin.name for plugin in on}
    for plugin in on:
        fault = _unmet(plugin.manifest, known, names, faults)
        if fault and plugin.name not in faults:
            faults[plugin.name] = fault
    return faults


def _registry(candidates: Candidates, choice: Choice, specs: ModuleType) -> Plugins:
    """Return everything that was discovered, before validation."""
    found = tuple(_found(candidate, "on" if name in choice.wanted else "off") for name, candidate in candidates.items())
    return Plugins(found, (), assemble((), specs)[0], specs, problems=choice.problems, fatal=choice.problems)


def _found(candidate: Candidate, state: str) -> Found:
    manifest = candidate.manifest
    return Found(
        candidate.name,
        manifest.title if manifest else candidate.name,
        manifest.summary if manifest else "",
        candidate.version,
        candidate.origin,
        "on" if state == "on" else "off",
        candidate.flaw,
        tuple(manifest.requires) if manifest else (),
        tuple(manifest.uses) if manifest else (),
        essential=candidate.essential,
        operators_only=bool(manifest and manifest.operators_only),
        folder=candidate.folder,
        api=manifest.api if manifest else "",
    )


def _judged(plugin: Found, faults: Faults, on: set[str]) -> Found:
    fault = faults.get(plugin.name)
    if fault:
        return replace(plugin, state=fault.state, reason=fault.reason, provides=Provides())
    return replace(plugin, state="on", reason=None) if plugin.name in on else plugin


def _absent(name: str, fault: Fault) -> Found:
    return Found(name, name, "", "", "", fault.state, fault.reason)


def _with_settings(found: Iterable[Found], schemas: Mapping[str, type]) -> list[Found]:
    return [
        replace(plugin, provides=replace(plugin.provides, settings=tuple(field.name for field in fields(schemas[plugin.name]))))
        if plugin.name in schemas
        else plugin
        for plugin in found
    ]
