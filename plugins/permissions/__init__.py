"""Permissions: the declared ones, and explanations of what a user may do."""

from collections.abc import Sequence

from aasim_core import App, Permission, Plugin, Resource, hookimpl

from . import api

plugin = Plugin("Permissions", "What roles can allow, and why somebody may do something or not.")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about permissions."""
    return (
        Permission(
            "permissions:read",
            "See what can be allowed, and ask what one may do oneself",
            roles=("builder", "operator", "approver", "viewer", "auditor", "billing"),
        ),
        Permission("permissions:explain", "Ask what others may do, and why", roles=("auditor",)),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /permissions."""
    return (api.Permissions(app),)
