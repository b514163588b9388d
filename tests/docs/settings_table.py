"""The tables of docs/operate/configure.md, made from the sections of the settings; run as a program, it writes them."""

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from aasim_core.bootstrap import examine_plugins
from aasim_core.settings import Settings
from aasim_core.settings.fields import default_of
from aasim_core.settings.rendering import literal
from aasim_core.settings.sections import CORE_SECTIONS, TopSettings

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "configure.md"
_PLACE = re.compile(r"(<!-- settings -->\n).*(<!-- /settings -->)", re.DOTALL)


def sections() -> Mapping[str, type[Any]]:
    """Every section: above all, the core's, the bundled plugins'."""
    plugins = examine_plugins(Settings.load({}, environ={})).schemas
    return {"": TopSettings, **CORE_SECTIONS, **dict(sorted(plugins.items()))}


def tables() -> str:
    """A table for each section."""
    return "\n".join(_table(name, kind) for name, kind in sections().items())


def written(page: str) -> str:
    """The page, with the tables in their place."""
    return _PLACE.sub(lambda match: f"{match[1]}{tables()}{match[2]}", page)


def _table(name: str, kind: type[Any]) -> str:
    title = f"### {name}" if name else "### Above all sections"
    about = (kind.__doc__ or "").partition("\n")[0]
    head = f"{title}\n\n{about}\n\n| setting | default | meaning |\n|---|---|---|\n"
    return head + "".join(_row(field) for field in fields(kind))


def _row(field: Any) -> str:
    return f"| `{field.name}` | `{literal(default_of(field))}` | {field.metadata['help'].rstrip('.')} |\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
