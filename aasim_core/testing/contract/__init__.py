"""The contract suite: the promises of every plugin, tested by one line in the plugin's own tests."""

from .hints import NODE, Sample
from .suite import PluginContract

__all__ = ["NODE", "PluginContract", "Sample"]
