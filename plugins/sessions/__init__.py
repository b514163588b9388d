"""Sessions: the logins of members, and how to end them."""

from collections.abc import Sequence

from aasim_core import App, Event, Permission, Plugin, Resource, hookimpl
from aasim_core.access.permissions import EVERYBODY
from aasim_core.schemas.fields import Id

from . import api

plugin = Plugin("Sessions", "Where members are logged in, and how that is ended.")


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about sessions; people's own are theirs without any."""
    return (
        Permission(
            "sessions:read", "See sessions: through an API key one's own, with sessions:manage those of others", roles=EVERYBODY
        ),
        Permission("sessions:terminate", "End sessions of others, with sessions:manage", roles=EVERYBODY),
        Permission("sessions:manage", "See and end the sessions of every member, with the permissions above", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """Events of sessions, besides those of `auth`."""
    whose = {"user_id": Id("user", required=True, description="Whose it was.")}
    return (Event("sessions.terminated", "A session was ended", "session", whose),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /sessions."""
    return (api.Sessions(app),)
