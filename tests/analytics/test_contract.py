"""The contract that every plugin keeps, kept by analytics."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "analytics"
