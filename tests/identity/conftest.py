"""People and sessions for the tests of identity."""

from collections.abc import Callable

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.identity import sessions
from aasim_core.identity.accounts import create_user, found_organization
from aasim_core.identity.clients import Client
from aasim_core.identity.sessions import Tokens
from aasim_core.tenancy.records import User

HOME = Client("192.0.2.7", "curl/8")


@pytest.fixture
def ada(app: App) -> User:
    """A user with an organization of her own."""
    with system_scope("test"), app.database.transaction():
        user = create_user("ada@example.com", "Ada Lovelace", None)
        found_organization("Analytical Engines", user)
    return user


@pytest.fixture
def log_in(app: App) -> Callable[..., Tokens]:
    """Begins a session of a user."""

    def start(user: User, client: Client = HOME) -> Tokens:
        with system_scope("test"), app.database.transaction():
            return app.sessions.start(user, sessions.home_of(user.id) or "", client)

    return start
