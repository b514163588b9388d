"""The sources of settings: a TOML file, the environment, the command line. Each is a layer; later layers override earlier ones."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..text.suggestions import nearest

PREFIX = "AASIM_"
#: The section of top-level settings.
TOP = ""

#: Short environment variables, for the most common settings.
SHORT_NAMES: Mapping[str, tuple[str, str]] = {
    "AASIM_DATA_DIR": (TOP, "data_dir"),
    "AASIM_BIND": ("server", "bind"),
    "AASIM_DATABASE_URL": ("database", "url"),
    "AASIM_QUEUE_URL": ("queue", "url"),
    "AASIM_LOG_LEVEL": ("log", "level"),
    "AASIM_TRACE_HOOKS": ("plugins", "trace_hooks"),
    "AASIM_RATE_LIMITS": ("rate_limits", "enabled"),
}


@dataclass(frozen=True)
class Raw:
    """A raw value and its origin; `is_text` if it came without TOML's types."""

    value: Any
    origin: str
    is_text: bool = False

    @property
    def parsed(self) -> Any:
        """Return the value, parsed as TOML if it is text that is valid TOML, otherwise as a string."""
        if not self.is_text:
            return self.value
        try:
            return tomllib.loads(f"value = {self.value}")["value"]
        except tomllib.TOMLDecodeError:
            return {"on": True, "off": False}.get(self.value, self.value)


Layer = dict[str, dict[str, Raw]]


def merged(layers: Iterable[Layer]) -> Layer:
    """Merge the values of `layers`; later ones take precedence."""
    result: Layer = {}
    for layer in layers:
        for section, values in layer.items():
            result.setdefault(section, {}).update(values)
    return result


def from_file(path: Path, faults: list[str]) -> Layer:
    """Return the values of a TOML file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        advice = f"correct --config or AASIM_CONFIG, or write one: aasim config template > {path}"
        faults.append(f"there is no settings file {path}; {advice}")
        return {}
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"the settings file {path} cannot be read ({error}); it must be a UTF-8 text that this user may read")
        return {}
    except tomllib.TOMLDecodeError as error:
        faults.append(f"the settings file {path} is not valid TOML: {error}")
        return {}
    layer: Layer = {}
    for name, value in content.items():
        if isinstance(value, dict):
            layer[name] = {key: Raw(item, str(path)) for key, item in value.items()}
        else:
            layer.setdefault(TOP, {})[name] = Raw(value, str(path))
    return layer


def from_environment(environ: Mapping[str, str], faults: list[str]) -> Layer:
    """Return the values of the variables ``AASIM_…``; an empty variable counts as not set."""
    layer: Layer = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name == "AASIM_CONFIG" or not environ[name]:
            continue
        place = _place_of(name)
        if place is None:
            faults.append(f"{name} is not a setting; {_advice(name)}")
            continue
        section, key = place
        earlier = layer.setdefault(section, {}).get(key)
        if earlier is not None:
            faults.append(f"{earlier.origin} and {name} are the same setting; keep one of them")
        layer[section][key] = Raw(environ[name], name, is_text=True)
    return layer


def from_flags(flags: Mapping[str, Any]) -> Layer:
    """Return the values given on the command line (or by a program), by ``section.key``."""
    layer: Layer = {}
    for name, value in flags.items():
        section, _, key = name.rpartition(".")
        layer.setdefault(section, {})[key] = Raw(value, "command line", is_text=isinstance(value, str))
    return layer


def read_secret_file(raw: Raw, faults: list[str]) -> Raw | None:
    """Return the contents of the file that a variable ``…_FILE`` names, without the trailing newline."""
    try:
        return Raw(Path(raw.value).read_text(encoding="utf-8").rstrip("\r\n"), raw.origin, is_text=True)
    except (OSError, UnicodeDecodeError) as error:
        faults.append(
            f"{raw.origin} names the file {raw.value}, which cannot be read ({error}); correct the path or its permissions"
        )
        return None


def _place_of(name: str) -> tuple[str, str] | None:
    if name in SHORT_NAMES:
        return SHORT_NAMES[name]
    if name.endswith("_FILE") and (short := name.removesuffix("_FILE")) in SHORT_NAMES:
        section, key = SHORT_NAMES[short]
        return section, f"{key}_file"
    section, separator, key = name.removeprefix(PREFIX).partition("__")
    return (section.lower(), key.lower()) if separator and section and key else None


def _advice(name: str) -> str:
    near = nearest(name, ["AASIM_CONFIG", *SHORT_NAMES])
    return f"did you mean {near}?" if near else "settings of a section are written AASIM_SECTION__KEY, with two underscores"
