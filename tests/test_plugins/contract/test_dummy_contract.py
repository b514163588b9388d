"""The contract that every plugin keeps, kept by the dummy from its drop-in folder."""

from pathlib import Path

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "dummy"
    folder = Path(__file__).parents[1] / "dropins"
