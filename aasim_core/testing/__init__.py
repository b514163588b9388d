"""Fixtures and the plugin contract suite, shipped as a pytest plugin."""
