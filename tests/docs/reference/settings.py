"""The page of settings."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aasim_core.app import App
from aasim_core.bootstrap import examine_plugins
from aasim_core.settings import Settings
from aasim_core.settings.fields import default_of
from aasim_core.settings.rendering import literal
from aasim_core.settings.sections import CORE_SECTIONS, TopSettings

_TOP = """\
# Settings

[Configure](../operate/configure.md) tells where settings come from and how variables are named.
[`config/aasim.toml`](../../config/aasim.toml) has the same list in the form of a file.
"""
_HEAD = "| setting | default | meaning |\n|---|---|---|\n"


def page(app: App) -> str:
    """The whole page, a table for each section."""
    return _TOP + "".join(_section(name, kind) for name, kind in sections().items())


def sections() -> Mapping[str, type[Any]]:
    """Every section: above all, the core's, the bundled plugins'."""
    plugins = examine_plugins(Settings.load({}, environ={})).schemas
    return {"": TopSettings, **CORE_SECTIONS, **dict(sorted(plugins.items()))}


def _section(name: str, kind: type[Any]) -> str:
    about = (kind.__doc__ or "").partition("\n")[0]
    return f"\n## {name or 'Above all sections'}\n\n{about}\n\n{_HEAD}{''.join(map(_row, fields(kind)))}"


def _row(field: Any) -> str:
    return f"| `{field.name}` | `{literal(default_of(field))}` | {field.metadata['help'].rstrip('.')} |\n"
