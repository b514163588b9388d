"""Settings that enable one plugin with its requirements and API keys, and nothing else that is optional."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import StartupError
from ..plugins.loading.discovery import Candidate, discover, offer_dropins
from ..plugins.loading.importing import import_plugin
from ..text.suggestions import did_you_mean


def only(names: Iterable[str], folder: Path | None = None) -> Mapping[str, Any]:
    """Flags for `Settings.load`: the plugins `names` are on, with all that they require; `folder` has drop-in plugins.

    API keys are on too: tests ask as programs do.
    """
    candidates = discover(folder)
    wanted = _with_required([*names, "api_keys"], candidates)
    bundled = {name for name, candidate in candidates.items() if candidate.bundled}
    spared = {name for name in bundled if candidates[name].essential}
    flags: dict[str, Any] = {"plugins.enabled": sorted(wanted - bundled), "plugins.disabled": sorted(bundled - wanted - spared)}
    return flags if folder is None else {**flags, "plugins.folder": str(folder)}


def among_all(names: Iterable[str], folder: Path | None = None) -> Mapping[str, Any]:
    """The same with every bundled plugin on too."""
    candidates = discover(folder)
    wanted = _with_required(names, candidates)
    flags = {"plugins.enabled": sorted(name for name in wanted if not candidates[name].bundled)}
    return flags if folder is None else {**flags, "plugins.folder": str(folder)}


def without(flags: Mapping[str, Any], name: str, folder: Path | None = None) -> Mapping[str, Any]:
    """The flags with the plugin `name` off, and whatever requires it."""
    candidates = discover(folder)
    off = {other for other, candidate in candidates.items() if name in _with_required([other], candidates)}
    bundled = {other for other, candidate in candidates.items() if candidate.bundled}
    return {
        **flags,
        "plugins.enabled": sorted(set(flags["plugins.enabled"]) - off),
        "plugins.disabled": sorted({*flags["plugins.disabled"], *(off & bundled)}),
    }


def candidate_of(name: str, folder: Path | None = None) -> Candidate:
    """What was found under this name; StartupError where nothing was."""
    candidates = discover(folder)
    if name not in candidates:
        raise StartupError(
            f"there is no plugin {name}{did_you_mean(name, candidates)}: install its distribution, or name its `folder`"
        )
    return candidates[name]


def module_of(plugin: str, name: str, folder: Path | None = None) -> ModuleType:
    """The module `name` of a plugin, as the app imports it: ``module_of("rota", "service", FOLDER)``.

    A plugin in a folder is imported under a name that Aasim chooses; the same file under another name is another module, whose records
    are bound to no database.
    """
    candidate = candidate_of(plugin, folder)
    offer_dropins([candidate])
    import_plugin(candidate)  # or else a module would hide the hook of its name
    return import_module(f"{candidate.module}.{name}")


def _with_required(names: Iterable[str], candidates: Mapping[str, Candidate]) -> set[str]:
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found and name in candidates:
            found.add(name)
            manifest = candidates[name].manifest
            pending += manifest.requires if manifest else ()
    return found
