"""Start API and worker for ``aasim up`` with its settings, and ask whether they are ready."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from ..logs.configuration import subdued
from ..settings import Settings

#: What the processes need to notice the end of their own grace time.
_MARGIN_SECONDS = 5


@dataclass(frozen=True)
class Launch:
    """API and worker with these settings; `flags` are those given on the command line, which the processes get too."""

    settings: Settings
    flags: Mapping[str, Any]

    def reread(self) -> "Launch":
        """The same with what the settings file says now; StartupError where that is wrong."""
        return replace(self, settings=Settings.load(self.flags, config=self.settings.config_file))

    def command(self, *words: str) -> Sequence[str]:
        """The command line ``aasim WORDS`` with these settings."""
        # -P keeps the folder that the command was called from out of the import path.
        common = [sys.executable, "-P", "-m", "aasim_core"]
        if self.settings.config_file:
            common += ["--config", str(self.settings.config_file)]
        # News of ordinary work would run into what `up` says; warnings and errors still show.
        for name, value in {"log.level": subdued(self.settings.log).level, **self.flags}.items():
            common += ["--set", f"{name}={value}"]
        return [*common, *words]

    @property
    def commands(self) -> Mapping[str, Sequence[str]]:
        """Those of the API and of the worker, which end with this process."""
        return {name: self.command(name, "--parent", str(os.getpid())) for name in ("serve", "worker")}

    @property
    def grace_seconds(self) -> float:
        """How long the processes may take to stop."""
        server = self.settings.server
        longest = max(self.settings.worker.grace_seconds, server.drain_seconds + server.graceful_timeout_seconds)
        return longest + _MARGIN_SECONDS

    @property
    def address(self) -> str:
        """Where the API answers."""
        host = self.settings.server.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.server.port}"

    def is_ready(self) -> bool:
        """Whether the API wants requests."""
        try:
            with urlopen(f"{self.address}/api/v1/health/ready", timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
