"""The contract that every plugin keeps, kept by a plugin that brings something for the hooks of others."""

from pathlib import Path

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "lab"
    folder = Path(__file__).parents[1] / "dropins"
