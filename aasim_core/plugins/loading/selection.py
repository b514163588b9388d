"""Select the enabled plugins: the bundled ones unless disabled, all others only if named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ..failures import did_you_mean
from .discovery import Candidate


class Wishes(Protocol):
    """The section ``[plugins]`` of the settings."""

    @property
    def enabled(self) -> Sequence[str]: ...
    @property
    def disabled(self) -> Sequence[str]: ...
    @property
    def folder(self) -> Path | None: ...
    @property
    def on_error(self) -> Literal["stop", "skip"]: ...


class HasPlugins(Protocol):
    """Settings, as far as plugins are concerned."""

    @property
    def plugins(self) -> Wishes: ...


@dataclass(frozen=True)
class Choice:
    """The names of the plugins to enable, the missing ones (with a reason), and errors in the settings."""

    wanted: frozenset[str]
    missing: Mapping[str, str]
    problems: tuple[str, ...]


def choose(candidates: Mapping[str, Candidate], wishes: Wishes) -> Choice:
    """Apply the settings to the discovered plugins."""
    enabled, disabled = set(wishes.enabled), set(wishes.disabled)
    wanted = {
        name
        for name, candidate in candidates.items()
        if candidate.essential or (candidate.bundled and name not in disabled) or (name in enabled and name not in disabled)
    }
    missing = {
        name: f"is named in plugins.{key} and not installed{did_you_mean(name, candidates)}"
        for key, names in (("disabled", disabled), ("enabled", enabled))
        for name in sorted(names)
        if name not in candidates
    }
    return Choice(frozenset(wanted), missing, tuple(_problems(candidates, wishes)))


def _problems(candidates: Mapping[str, Candidate], wishes: Wishes) -> list[str]:
    problems = []
    if wishes.folder is not None and not wishes.folder.is_dir():
        problems.append(f"plugins.folder names {wishes.folder}, which is no folder; make it, or remove the setting.")
    for name in sorted(set(wishes.enabled) & set(wishes.disabled)):
        problems.append(f"Plugin {name} is both in plugins.enabled and in plugins.disabled; remove it from one of them.")
    for name in sorted(set(wishes.disabled)):
        if name in candidates and candidates[name].essential:
            problems.append(f"Plugin {name} is essential and cannot be turned off; remove it from plugins.disabled.")
    return problems
