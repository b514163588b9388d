"""The manifest: a plugin's description of itself, readable before any of its code runs."""

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

#: The version of the plugin API that this core speaks: the contract of hooks, declarations and public names.
API = "1.0"

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_WITH_VERSIONS = re.compile(r"(\w++)\s*+([<>=!~].*)")

#: The prefix of the core's own tables, permissions, events and jobs.
CORE = "core"
#: The core's commands, which are not available as plugin names: a plugin's commands are under its name.
RESERVED = frozenset(
    (
        "admin",
        "backup",
        "config",
        "doctor",
        "hold",
        "resume",
        "events",
        "jobs",
        "migrate",
        "openapi",
        "plugins",
        "restore",
        "secrets",
        "serve",
        "up",
        "worker",
        "workers",
    )
)


@dataclass(frozen=True)
class Plugin:
    """A plugin's description and requirements.

    `requires` names plugins that must be on and load before this one, and their versions if these matter, as in ``"notes>=1.2,<2"``,
    which become its `constraints`: (name, versions). `uses` names plugins that load before it if they are on. `api` is the version of
    the plugin API that it was written for. An `essential` plugin (bundled only) cannot be disabled. An `operators_only` one can be
    disabled by the operator, not by an organization.

    A package has exactly one, as ``plugin = Plugin("Title", "Summary.", …)`` in its ``__init__.py``. It is read without importing the
    package, so its arguments are literals.
    """

    title: str
    summary: str
    requires: Sequence[str] = ()
    uses: Sequence[str] = ()
    api: str = API
    essential: bool = False
    operators_only: bool = False
    constraints: tuple[tuple[str, str], ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        for name in ("title", "summary", "api"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"{name} must be a text that is not empty")
        for name in ("essential", "operators_only"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False")  # noqa: TRY004 - one kind of error for readers of manifests
        if not _VERSION.fullmatch(self.api):
            raise ValueError(f'api must look like "{API}", not "{self.api}"')
        names, constraints = _without_versions(self.requires)
        object.__setattr__(self, "constraints", constraints)
        object.__setattr__(self, "requires", _names("requires", names))
        object.__setattr__(self, "uses", _names("uses", self.uses))


def _without_versions(requires: object) -> tuple[object, tuple[tuple[str, str], ...]]:
    """The names alone, and the versions that are demanded of some; what is no tuple of texts is given back for `_names` to refuse."""
    if isinstance(requires, str) or not isinstance(requires, Sequence) or not all(isinstance(each, str) for each in requires):
        return requires, ()
    found = [_WITH_VERSIONS.fullmatch(each) for each in requires]
    split = [(match[1], match[2]) for match in found if match]
    for name, versions in split:
        _refuse_bad_versions(name, versions)
    return tuple(match[1] if match else each for match, each in zip(found, requires, strict=True)), tuple(split)


def _refuse_bad_versions(name: str, versions: str) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(versions)
    except InvalidSpecifier:
        raise ValueError(f'requires has "{name}{versions}", whose versions are none; write them as in "{name}>=1.2,<2"') from None


def _names(field: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise ValueError(f'{field} must be a tuple of names; write {field}=("{value}",)')  # noqa: TRY004 - as above
    if not isinstance(value, Sequence) or not all(isinstance(name, str) and is_name(name) for name in value):
        raise ValueError(f"{field} must be a tuple of plugins' names, such as ({field}=('agents', 'job_flows'))")
    return tuple(value)


def is_name(text: str) -> bool:
    """Return whether `text` can name a plugin: lower-case words joined by single underscores, no keyword, and not the core's own name."""
    return _NAME.fullmatch(text) is not None and text != CORE and not keyword.iskeyword(text)


def api_flaw(wanted: str) -> str | None:
    """Return why a plugin written for the API version `wanted` cannot run here, or None if it can."""
    major, minor = _parts(wanted)
    ours, newest = _parts(API)
    if major != ours:
        return f"was written for the plugin API {wanted}, and this is {API}; install a version of it for {ours}.x"
    if minor > newest:
        return f"needs the plugin API {wanted}, and this is {API}; upgrade aasim, or install an older version of the plugin"
    return None


def _parts(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)


def version_flaw(versions: str, installed: str) -> str | None:
    """Why a plugin of the version `installed` is none of the `versions` that another one demands, or None if it is one."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    if not installed:
        return "has none, being a folder; leave the versions out"
    try:
        fits = SpecifierSet(versions).contains(Version(installed), prereleases=True)
    except InvalidVersion:
        return f"has the version {installed}, which cannot be compared; leave the versions out"
    return None if fits else f"has {installed}; install one that fits, or another version of this plugin"


FIELDS = tuple(each.name for each in fields(Plugin) if each.init)
