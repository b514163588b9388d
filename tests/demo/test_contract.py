"""The contract that every plugin keeps, kept by demo."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "demo"
