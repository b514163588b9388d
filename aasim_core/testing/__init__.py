"""Fixtures and the plugin contract suite, shipped as a pytest plugin."""

from ..worker.runner import work_off

__all__ = ["work_off"]
