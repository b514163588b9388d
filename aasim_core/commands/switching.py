"""Turning plugins on and off for the installation: two lists in the settings file, changed without losing a comment."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal, Protocol

from ..bootstrap import examine_plugins
from ..errors import InvalidArgument, StartupError
from ..plugins.failures import did_you_mean
from ..plugins.loading.selection import HasPlugins, Wishes
from ..plugins.registry import Plugins

_SECTION = re.compile(r"^[ \t]*\[[ \t]*plugins[ \t]*\][ \t]*(#.*)?$", re.MULTILINE)
_NEXT_SECTION = re.compile(r"^[ \t]*\[", re.MULTILINE)


class HasFile(HasPlugins, Protocol):
    """Settings that know the file that they were read from, if there was one."""

    @property
    def config_file(self) -> Path | None: ...


@dataclass(frozen=True)
class Lists:
    """The choice of plugins: what ``plugins.enabled`` and ``plugins.disabled`` are to hold, and the rest as it is."""

    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    folder: Path | None
    on_error: Literal["stop", "skip"]

    @property
    def plugins(self) -> Wishes:
        """Itself, so that it can stand for settings."""
        return self

    def as_toml(self) -> str:
        """The section to write by hand."""
        return f"[plugins]\nenabled = {_rendered(self.enabled)}\ndisabled = {_rendered(self.disabled)}"


def switch(settings: HasFile, names: Iterable[str], *, on: bool) -> Lists | None:
    """Turn the plugins `names` on or off in the settings file; returns the new lists, or None if they were so already.

    Raises StartupError, and changes nothing, for a plugin that is not there or essential, when the installation could not start
    afterwards, and when the file cannot be changed: then the error says what to write.
    """
    before = examine_plugins(settings)
    wishes = settings.plugins
    lists = Lists(tuple(wishes.enabled), tuple(wishes.disabled), wishes.folder, wishes.on_error)
    wanted = lists
    for name in names:
        wanted = _switched(wanted, before, name, on=on)
    if wanted == lists:
        return None
    new_problems = [problem for problem in examine_plugins(wanted).problems if problem not in before.problems]
    if new_problems:
        raise StartupError(*new_problems, "Nothing was changed.")
    _write(settings.config_file, wanted)
    return wanted


def edited(text: str, changes: Mapping[str, Sequence[str]]) -> str | None:
    """The TOML `text` with the lists in `changes` in its section ``[plugins]`` and all else, comments too, as it was.

    None where the text is arranged in a way that only a person can change well.
    """
    expected = tomllib.loads(text)
    section: dict[str, Any] = expected.setdefault("plugins", {})
    for key, names in changes.items():
        if list(names) != section.get(key, []):
            section[key] = list(names)
            text = _with_list(text, key, names)
    try:
        return text if tomllib.loads(text) == expected or not section else None
    except tomllib.TOMLDecodeError:
        return None


def _switched(lists: Lists, plugins: Plugins, name: str, *, on: bool) -> Lists:
    plugin = plugins.find(name)
    if plugin is None or plugin.state == "missing":
        raise InvalidArgument(f"Plugin {name} is not installed{did_you_mean(name, (found.name for found in plugins.found))}")
    if plugin.essential and not on:
        raise InvalidArgument(f"Plugin {name} is essential and cannot be turned off.")
    enabled = tuple(other for other in lists.enabled if other != name)
    disabled = tuple(other for other in lists.disabled if other != name)
    if plugin.origin == "bundled":
        disabled = disabled if on else (*disabled, name)
    elif on:
        enabled = (*enabled, name)
    same = set(enabled) == set(lists.enabled) and set(disabled) == set(lists.disabled)
    return lists if same else Lists(enabled, disabled, lists.folder, lists.on_error)


def _write(file: Path | None, lists: Lists) -> None:
    overriding = [name for name in ("AASIM_PLUGINS__ENABLED", "AASIM_PLUGINS__DISABLED") if name in os.environ]
    if overriding:
        raise StartupError(f"{' and '.join(overriding)} in the environment override the settings file; change them there.")
    if file is None:
        raise StartupError(
            f"There is no settings file; write one with these lines, and name it in AASIM_CONFIG:\n{lists.as_toml()}"
        )
    try:
        text = edited(file.read_text(encoding="utf-8"), {"enabled": lists.enabled, "disabled": lists.disabled})
        if text is None:
            raise StartupError(f"{file} is arranged in a way that only you can change; write there:\n{lists.as_toml()}")
        _replace(file.resolve(), text)
    except OSError as error:
        raise StartupError(
            f"{file} cannot be changed ({error.strerror}); write there:\n{lists.as_toml()}", exit_code=74
        ) from error


def _replace(file: Path, text: str) -> None:
    """Write the whole file or nothing of it."""
    with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", encoding="utf-8", delete=False) as new:
        new.write(text)
    temporary = Path(new.name)
    temporary.chmod(file.stat().st_mode)
    temporary.replace(file)


def _with_list(text: str, key: str, names: Sequence[str]) -> str:
    header = _SECTION.search(text)
    if header is None:
        return f"{text.rstrip()}\n\n[plugins]\n{key} = {_rendered(names)}\n".lstrip()
    following = _NEXT_SECTION.search(text, header.end())
    end = following.start() if following else len(text)
    assignment = re.compile(rf"^([ \t]*{key}[ \t]*=[ \t]*)(\[[^\[\]#]*\])", re.MULTILINE).search(text, header.end(), end)
    if assignment is None:
        return f"{text[: header.end()]}\n{key} = {_rendered(names)}{text[header.end() :]}"
    return text[: assignment.start(2)] + _rendered(names, over_lines="\n" in assignment[2]) + text[assignment.end(2) :]


def _rendered(names: Sequence[str], *, over_lines: bool = False) -> str:
    if over_lines and names:
        return "[\n" + "".join(f'    "{name}",\n' for name in names) + "]"
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
