"""The settings: flags, environment, TOML file and defaults combined into one validated, immutable `Settings`."""

from .fields import setting
from .loading import Settings

__all__ = ["Settings", "setting"]
