"""The contract that every plugin keeps, kept by otel."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "otel"
