"""The manifest: a plugin's description of itself, readable before any of its code runs."""

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

#: The version of the plugin API that this core speaks: the contract of hooks, declarations and public names.
API = "1.0"

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

#: The prefix of the core's own tables, permissions, events and jobs.
CORE = "core"
#: The core's commands, which are not available as plugin names: a plugin's commands are under its name.
RESERVED = frozenset(
    (
        "admin",
        "backup",
        "config",
        "doctor",
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

    `requires` names plugins that must be on and load before this one; `uses` names plugins that load before it if they are on. `api` is the
    version of the plugin API that it was written for. An `essential` plugin (bundled only) cannot be disabled. An `operators_only` one can
    be disabled by the operator, not by an organization.

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
        for name in ("requires", "uses"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))


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


FIELDS = tuple(field.name for field in fields(Plugin))
