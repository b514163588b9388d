"""Plugins that tests write: real distributions with their metadata on the path, and drop-in folders."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from aasim_core.bootstrap import examine_plugins, load_plugins
from aasim_core.plugins import Plugins
from aasim_core.settings.sections import PluginsSettings

HEAD = "from aasim_core.hookspecs import hookimpl, hookspec\nfrom aasim_core.plugins import Plugin\n"


@dataclass(frozen=True)
class Settings:
    """As much of the settings as concerns plugins."""

    plugins: PluginsSettings
    config_file: Path | None = None

    def section(self, name: str, kind: type[Any]) -> Any:
        """The section of a plugin, with its defaults."""
        return kind()


@dataclass
class Site:
    """An installation: distributions in a folder that is on the path, and a drop-in folder; ``aasim`` itself bundles nothing."""

    path: Path
    token: str = field(default_factory=lambda: uuid4().hex[:8])

    @property
    def dropins(self) -> Path:
        """The drop-in folder."""
        return self.path / "dropins"

    def bundle(self, name: str, body: str = "", /, *, files: dict[str, str] | None = None, **manifest: Any) -> Path:
        """Write a bundled plugin."""
        return self.install("aasim", name, body, files=files, version="0.0.1", **manifest)

    def install(
        self, distribution: str, name: str, body: str = "", /, *, files: dict[str, str] | None = None, version: str = "1.2.0",
        value: str | None = None, **manifest: Any,
    ) -> Path:  # fmt: skip
        """Write a plugin as a part of an installed distribution; returns its folder."""
        package = f"{distribution.replace('-', '_')}_{self.token}"
        self._list(distribution, version, f"{name} = {value or f'{package}.{name}'}")
        top = self.path / "site" / package
        top.mkdir(exist_ok=True)
        (top / "__init__.py").touch()
        return self._write(top / name, body, files or {}, manifest)

    def drop(self, name: str, body: str = "", /, *, files: dict[str, str] | None = None, **manifest: Any) -> Path:
        """Write a drop-in plugin; returns its folder."""
        self.dropins.mkdir(exist_ok=True)
        return self._write(self.dropins / name, body, files or {}, manifest)

    def settings(self, *enabled: str, disabled: tuple[str, ...] = (), on_error: Any = "stop") -> Settings:
        """Settings that name these plugins, and the drop-in folder if there is one."""
        folder = self.dropins if self.dropins.is_dir() else None
        return Settings(PluginsSettings(enabled=enabled, disabled=disabled, folder=folder, on_error=on_error))

    def examine(self, *enabled: str, disabled: tuple[str, ...] = ()) -> Plugins:
        """Load what there is, and report."""
        return examine_plugins(self.settings(*enabled, disabled=disabled))

    def load(self, *enabled: str, on_error: Any = "stop") -> Plugins:
        """Load what there is."""
        return load_plugins(self.settings(*enabled, on_error=on_error))

    def app(self, on_error: Any = "stop") -> SimpleNamespace:
        """What the hooks are given."""
        return SimpleNamespace(settings=self.settings(on_error=on_error), database=None)

    def states(self, *enabled: str, disabled: tuple[str, ...] = ()) -> dict[str, str]:
        """The state of each plugin."""
        return {plugin.name: plugin.state for plugin in self.examine(*enabled, disabled=disabled).found}

    def reason(self, name: str, *enabled: str) -> str:
        """Why the plugin is not on."""
        found = self.examine(*enabled).find(name)
        assert found is not None
        return found.reason or ""

    def imported(self, name: str) -> bool:
        """Whether the plugin of this name has run."""
        return any(module.endswith(f".{name}") and self.owns(module) for module in sys.modules)

    def owns(self, module: str) -> bool:
        """Whether a module is of this installation."""
        return self.token in module or str(self.path) in str(getattr(sys.modules[module], "__file__", ""))

    def _list(self, distribution: str, version: str, entry: str) -> None:
        info = self.path / "site" / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        entries = info / "entry_points.txt"
        known = entries.read_text() if entries.exists() else "[aasim.plugins]\n"
        entries.write_text(f"{known}{entry}\n" if entry else known)

    def _write(self, folder: Path, body: str, files: dict[str, str], manifest: dict[str, Any]) -> Path:
        folder.mkdir(exist_ok=True)
        title = manifest.pop("title", folder.name.title())
        keywords = "".join(f", {key}={value!r}" for key, value in manifest.items())
        plugin = f"plugin = Plugin({title!r}, 'For a test.'{keywords})\n"
        (folder / "__init__.py").write_text(f"{HEAD}{plugin}{dedent(body)}")
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(dedent(text))
        return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An installation without any plugin, in which a test writes its own; its modules are forgotten afterwards."""
    made = Site(tmp_path)
    (tmp_path / "site").mkdir()
    made._list("aasim", "0.0.1", "")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield made
    for module in [name for name in sys.modules if name.startswith("aasim_dropins_") or made.owns(name)]:
        del sys.modules[module]
