"""`Settings`: all options of an installation, read once and immutable."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..errors import StartupError
from .building import Builder, advice
from .checks import is_loopback
from .sections import (
    CORE_SECTIONS,
    AuthSettings,
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    MailSettings,
    PluginsSettings,
    QueueSettings,
    RateLimitSettings,
    SecretsSettings,
    ServerSettings,
    TopSettings,
    WorkerSettings,
)
from .sources import TOP, Raw, from_environment, from_file, from_flags, merged

Section = TypeVar("Section")


@dataclass(frozen=True)
class Settings:
    """The settings of an installation: the core's sections as attributes, a plugin's through `section`."""

    data_dir: Path
    server: ServerSettings
    database: DatabaseSettings
    queue: QueueSettings
    worker: WorkerSettings
    http: HttpSettings
    rate_limits: RateLimitSettings
    auth: AuthSettings
    plugins: PluginsSettings
    log: LogSettings
    mail: MailSettings
    secrets: SecretsSettings
    config_file: Path | None = None
    plugin_sections: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    unread: Mapping[str, Mapping[str, Raw]] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @classmethod
    def load(
        cls, flags: Mapping[str, Any] | None = None, *, config: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Read the settings from `flags` (by ``section.key``), `environ`, the file and the defaults, in this order of precedence.

        `config` is the TOML file; without it, ``AASIM_CONFIG`` names it. `environ` defaults to the process's own. All faults are reported
        in one `StartupError`. Plugins' sections stay unread until `with_sections`.
        """
        environ = os.environ if environ is None else environ
        config = config or (Path(environ["AASIM_CONFIG"]) if environ.get("AASIM_CONFIG") else None)
        faults: list[str] = []
        from_config = from_file(config, faults) if config else {}
        written = merged([from_config, from_environment(environ, faults), from_flags(flags or {})])
        data_dir = Builder(faults).build(TOP, TopSettings, written.pop(TOP, {})).data_dir
        builder = Builder(faults, data_dir)
        sections = {name: builder.build(name, kind, written.pop(name, {})) for name, kind in CORE_SECTIONS.items()}
        faults = faults or _conflicts(**sections)
        if faults:
            raise StartupError(*faults)
        settings = cls(data_dir=data_dir, config_file=config, unread=MappingProxyType(written), **sections)
        return replace(settings, auth=_decided(settings.auth, settings.server))

    def with_sections(self, kinds: Mapping[str, type[Any]], *, off: Collection[str] = ()) -> Settings:
        """Return the settings with the plugins' sections, of the types in `kinds`.

        Sections of the plugins `off`, which are installed but disabled, are ignored; any other section is a fault.
        """
        faults: list[str] = []
        for name in sorted(set(self.unread) - set(kinds) - set(off)):
            faults.extend(_unknown_section(name, self.unread[name], [*CORE_SECTIONS, *kinds, *off]))
        builder = Builder(faults, self.data_dir)
        sections = {name: builder.build(name, kind, self.unread.get(name, {})) for name, kind in kinds.items()}
        if faults:
            raise StartupError(*faults)
        return replace(self, plugin_sections=MappingProxyType(sections))

    @property
    def is_for_this_machine_only(self) -> bool:
        """Return whether the server is unreachable from other machines, directly and through a reverse proxy on this one."""
        named = urlsplit(self.http.public_url).hostname or "localhost"
        return not self.server.is_public and not self.server.trusted_proxies and is_loopback(named)

    def section(self, name: str, kind: type[Section]) -> Section:
        """Return the section of the plugin `name`, of the type `kind` returned by its hook `config_schema`."""
        section = self.plugin_sections.get(name)
        if isinstance(section, kind):
            return section
        raise LookupError(f"the settings have no section {name!r} of the type {kind.__name__}; return it from config_schema()")


def _conflicts(auth: AuthSettings, mail: MailSettings, **_: Any) -> list[str]:
    """Return the conflicts between sections."""
    if auth.registration != "confirmed" or mail.backend == "smtp":
        return []
    return [
        'auth.registration is "confirmed", for which mails must reach people; write mail.backend = "smtp" and the server into mail.host, '
        'or auth.registration = "open" or "invite"'
    ]


def _decided(auth: AuthSettings, server: ServerSettings) -> AuthSettings:
    if auth.registration != "auto":
        return auth
    return replace(auth, registration="invite" if server.is_public else "open")


def _unknown_section(name: str, values: Mapping[str, Raw], known: Collection[str]) -> list[str]:
    origins = sorted({raw.origin for raw in values.values()}) or ["the settings file"]
    return [f'there is no section "{name}" ({", ".join(origins)}); {advice(name, known)}']
