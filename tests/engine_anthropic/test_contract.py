"""The contract that every plugin keeps, kept by engine_anthropic."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "engine_anthropic"
