"""Plugins: found without importing, chosen by the settings, checked, ordered, loaded, and asked what they bring."""

from .collecting import collect, organization_settings
from .declarations import Collected, Declarations
from .loading import without
from .manifest import API, Plugin
from .registry import Found, Loaded, PluginFailed, Plugins, Provides
from .removal import purge

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
    "collect",
    "organization_settings",
    "purge",
    "without",
]
