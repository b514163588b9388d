"""Plugins: manifests, the registry, hooks, and parts for other plugins."""

from .declarations import Collected, Declarations
from .loading.loader import without
from .manifest import API, Plugin
from .purging import purge
from .registry import Found, Loaded, PluginFailed, Plugins, Provides

__all__ = [
    "API",
    "Collected",
    "Declarations",
    "Found",
    "Loaded",
    "Plugin",
    "PluginFailed",
    "Plugins",
    "Provides",
    "purge",
    "without",
]
