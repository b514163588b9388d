"""What plugins declare: asked of their hooks, held against the rules, and put together for one app."""

from .collector import collect, organization_settings

__all__ = ["collect", "organization_settings"]
