"""The contract suite: what every plugin promises, tried from one line in the plugin's own tests."""

from .hints import NODE, Sample
from .suite import PluginContract

__all__ = ["NODE", "PluginContract", "Sample"]
