"""Checks of this machine: settings, data folder, keys, plugins, and the limit of open files."""

import resource
import stat
from collections.abc import Mapping
from typing import Any

from ..plugins.checks import Unwell
from ..process.installation import make_folder, refuse_exposure, refuse_read_only
from ..process.startup import MANY_FILES
from ..secrets import load_keyring
from .parts import Parts


def settings(parts: Parts) -> Mapping[str, Any]:
    """The settings are valid, those of plugins apart."""
    file = parts.settings.config_file
    return {"file": str(file)} if file else {}


def data_folder(parts: Parts) -> Mapping[str, Any]:
    """The data folder and what is in it can be written."""
    folder = parts.settings.data_dir
    if not folder.exists():
        raise Unwell(f"there is no data folder {folder}; name the one that is meant in AASIM_DATA_DIR, or make it: aasim migrate")
    make_folder(folder)
    refuse_read_only(parts.settings.database.url)
    return {"folder": str(folder)}


def data_access(parts: Parts) -> None:
    """Nobody else of this machine looks into the data folder."""
    folder = parts.settings.data_dir
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        raise Unwell(f"other users of this machine may look into the data folder; run: chmod 700 {folder}")


def keys(parts: Parts) -> Mapping[str, Any]:
    """The key file is there, whole, and closed to others."""
    return {"keys": len(load_keyring(parts.settings.secrets.key_file).key_ids)}


def exposure(parts: Parts) -> Mapping[str, Any]:
    """Where other machines reach the server, nothing is only good enough for this one."""
    refuse_exposure(parts.settings)
    return {"bind": parts.settings.server.bind}


def plugins(parts: Parts) -> Mapping[str, Any]:
    """Every plugin loads that must, with valid settings."""
    return {"on": len(parts.app.plugins.on)}


def skipped_plugins(parts: Parts) -> None:
    """No plugin is left out, as ``plugins.on_error = "skip"`` allows."""
    if parts.app.plugins.problems:
        raise Unwell(" ".join(parts.app.plugins.problems))


def open_files(_parts: Parts) -> Mapping[str, Any]:
    """A process started as this one may open as many files as one with many clients needs."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < MANY_FILES:
        advice = f"allow {MANY_FILES}, by LimitNOFILE= in a unit of systemd, or ulimit -Hn"
        raise Unwell(f"a process may open {most} files, and one with many clients needs more; {advice}", limit=most)
    return {"limit": most}
