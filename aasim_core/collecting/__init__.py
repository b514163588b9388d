"""Collect the declarations of plugins: call their hooks, validate the results, and combine them for one app."""

from .collector import collect, organization_settings

__all__ = ["collect", "organization_settings"]
