"""The subject of a rule: one plugin with its declarations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from ...http.operations import Endpoint
from ...plugins.declarations import Declarations
from ...plugins.registry import Found
from .package import Package


@dataclass(frozen=True)
class Subject:
    """A plugin that is on: what became of it, what it declares, its files, its section of the settings, and the hooks that it offers."""

    plugin: Found
    declared: Declarations
    package: Package
    section: type[Any] | None
    offered: Mapping[str, Callable[..., Any]]
    kinds: Mapping[str, type[Any]]

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.plugin.name

    @property
    def operations(self) -> Sequence[Endpoint]:
        """What its routes do in the API."""
        return [endpoint for endpoint in self.declared.endpoints if endpoint.in_api]

    @property
    def readme(self) -> str:
        """The place of its README, as messages name it."""
        return f"{self.name}/README.md"

    @cached_property
    def distribution(self) -> Mapping[str, Sequence[str]] | None:
        """What the distribution says of itself that it came with, by field; None of one that is bundled, empty of one in a folder."""
        if self.declared.bundled:
            return None
        try:
            told = metadata(self.plugin.origin)
        except (PackageNotFoundError, ValueError):
            return {}
        return {key: told.get_all(key) or [] for key in told}
