"""The contract that every plugin keeps, kept by engine_llm."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "engine_llm"
