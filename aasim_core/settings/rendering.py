"""Render config/aasim.toml: every setting with its default and one line of help, generated from the sections."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .fields import default_of
from .sections import CORE_SECTIONS, TopSettings

_HEAD = """\
# Every setting of Aasim with its default. Copy this file, remove the "# " before what you change, name the copy in AASIM_CONFIG,
# and check it with: aasim config check
# A flag wins over the environment (AASIM_SECTION__KEY, or AASIM_SECTION__KEY_FILE for a file that holds the value), and the
# environment over this file. {data_dir} stands for the data folder, an empty text for "not set".

"""


def render(plugin_sections: Mapping[str, type[Any]]) -> str:
    """Return the file's text for the core's sections and those of plugins."""
    parts = [_HEAD, *_settings_of(TopSettings)]
    for name, kind in {**CORE_SECTIONS, **dict(sorted(plugin_sections.items()))}.items():
        parts += [f"\n# {_first_line(kind)}\n[{name}]\n", *_settings_of(kind)]
    return "".join(parts)


def _settings_of(kind: type[Any]) -> list[str]:
    return [f"# {field.metadata['help']}\n# {field.name} = {literal(default_of(field))}\n" for field in fields(kind)]


def _first_line(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def literal(value: Any) -> str:
    """Return `value` as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {literal(item)}" for key, item in value.items()) + "}"
    return _quoted("" if value is None else str(value))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
