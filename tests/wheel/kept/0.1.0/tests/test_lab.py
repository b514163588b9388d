"""The contract that every plugin keeps, kept by a plugin that brings something for the hooks of others."""

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    plugin = "lab"
