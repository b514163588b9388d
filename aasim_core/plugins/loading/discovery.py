"""Discover all plugins, installed or in the plugin folder, without importing any."""

import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2s
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from ..manifest import RESERVED, Plugin, is_name
from .manifest_reader import Unreadable, file_spec, locate, read

GROUP = "aasim.plugins"
BUNDLED = "bundled"
_OUR_DISTRIBUTION = "aasim"
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Candidate:
    """A discovered plugin.

    `module` is the module to import; `origin` is ``bundled``, the distribution's name, or the plugin folder, and `label` names it in a
    sentence; `file` is its ``__init__.py``, or its only file. `flaw` is why it cannot be used; `manifest` may then be None. `hooks` are
    those that its source implements.
    """

    name: str
    module: str
    origin: str
    version: str = ""
    file: Path | None = None
    manifest: Plugin | None = None
    hooks: frozenset[str] = frozenset()
    flaw: str | None = None
    label: str = ""

    @property
    def bundled(self) -> bool:
        """Whether it comes with Aasim itself."""
        return self.origin == BUNDLED

    @property
    def essential(self) -> bool:
        """Whether it cannot be turned off."""
        return self.bundled and self.manifest is not None and self.manifest.essential

    @property
    def folder(self) -> Path | None:
        """The folder of the plugin's package; None for a single file."""
        return self.file.parent if self.file is not None and self.file.name == "__init__.py" else None


def discover(folder: Path | None) -> Mapping[str, Candidate]:
    """Return every plugin of the entry points ``aasim.plugins`` and of the plugin `folder`, by name, sorted; nothing is imported."""
    importlib.invalidate_caches()  # a file that was added a moment ago counts
    found: dict[str, Candidate] = {}
    for candidate in (*_installed(), *_dropped_in(folder)):
        other = found.get(candidate.name)
        found[candidate.name] = _clash(other, candidate) if other else candidate
    return dict(sorted(found.items()))


def _installed() -> Iterator[Candidate]:
    # A distribution rereads its metadata on each access, and ours has many plugins.
    told = cache(_name_and_version)
    entries = [(entry, *told(entry.dist)) for entry in entry_points(group=GROUP)]
    for entry, name, version in sorted(entries, key=lambda found: (found[0].name, found[1])):
        yield _from_entry_point(entry, name, version)


def _name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    return ("unknown", "") if distribution is None else (distribution.name, distribution.version)


def _from_entry_point(entry: EntryPoint, name: str, version: str) -> Candidate:
    origin = BUNDLED if name == _OUR_DISTRIBUTION else name
    candidate = Candidate(entry.name, entry.value, origin, version, label=f"the distribution {name} {version}".rstrip())
    if not _MODULE.fullmatch(entry.value):
        return replace(candidate, flaw=f"has the entry point {entry.value!r}, which must name a package: 'package.{entry.name}'")
    spec = locate(entry.value)
    if spec is None:
        return replace(candidate, flaw=f"has the entry point {entry.value!r}, and there is no such package")
    return _with_source(candidate, spec)


def _dropped_in(folder: Path | None) -> Iterator[Candidate]:
    if folder is None or not folder.is_dir():
        return
    folder = folder.resolve()
    for entry in sorted(folder.iterdir()):
        file = entry / "__init__.py" if entry.is_dir() else entry
        if entry.name[0] not in "._" and file.suffix == ".py" and file.is_file():
            name = entry.name if entry.is_dir() else entry.stem
            module = f"{dropins_package(folder)}.{name}"
            candidate = Candidate(name, module, str(folder), label=f"{entry.name} in {folder}")
            yield _with_source(candidate, file_spec(module, file))


def _with_source(candidate: Candidate, spec: ModuleSpec) -> Candidate:
    candidate = replace(candidate, file=Path(spec.origin) if spec.origin else None)
    if not is_name(candidate.name):
        return replace(
            candidate,
            flaw="has a name that no plugin can have; use lower-case words joined by single underscores, and no keyword of Python",
        )
    if candidate.name in RESERVED:
        command = f"aasim {candidate.name}"
        return replace(candidate, flaw=f"has the name of the command {command}, which would hide its own; give it another name")
    try:
        source = read(spec)
    except Unreadable as error:
        return replace(candidate, flaw=str(error))
    flaw = None
    if source.manifest.essential and not candidate.bundled:
        flaw = "says that it is essential, which only a bundled plugin can be; remove essential=True from its manifest"
    return replace(candidate, manifest=source.manifest, hooks=source.hooks, flaw=flaw)


def _clash(one: Candidate, other: Candidate) -> Candidate:
    """Return the bundled one of the two, if any, so that no other can disable it by taking its name; neither is usable."""
    flaw = f"is there twice: in {one.label} and in {other.label}; remove one of them"
    return replace(other if other.bundled else one, flaw=flaw)


def dropins_package(folder: Path) -> str:
    """Return the name of the package that represents a plugin folder: one per folder, so that two never mix."""
    return "aasim_dropins_" + blake2s(str(folder).encode(), digest_size=4).hexdigest()


def offer_dropins(candidates: Iterable[Candidate]) -> None:
    """Make the plugins of the folder among `candidates` importable.

    Their folder becomes a package, so that they import each other as bundled plugins do: ``from ..agents.models import Agent``.
    """
    for candidate in candidates:
        package = candidate.module.partition(".")[0]
        if package == dropins_package(Path(candidate.origin)) and package not in sys.modules:
            module = ModuleType(package, "A folder of drop-in plugins.")
            module.__path__ = [candidate.origin]
            sys.modules[package] = module
