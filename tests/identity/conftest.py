"""An app of the core's identity and access alone."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest

from aasim_core import hookspecs
from aasim_core.access import records as access
from aasim_core.access.features import Features
from aasim_core.access.loading import RightsCache
from aasim_core.access.permissions import Permission
from aasim_core.context import system_scope
from aasim_core.data.connect import bind
from aasim_core.identity import records as identity
from aasim_core.identity import sessions
from aasim_core.identity.accounts import create_user, found_organization
from aasim_core.identity.clients import Client
from aasim_core.identity.passwords import Passwords
from aasim_core.identity.records import User
from aasim_core.identity.sessions import Tokens
from aasim_core.identity.tokens import AccessTokens
from aasim_core.secrets import Keyring, new_key
from aasim_core.settings import Settings

HOME = Client("192.0.2.7", "curl/8")
PERMISSIONS = [
    Permission("agents:read", "Read agents", roles=("viewer", "builder", "operator", "auditor")),
    Permission("agents:create", "Create agents", roles=("builder",)),
    Permission("agents:update", "Change agents", roles=("builder",)),
    Permission("agents:execute", "Run agents", roles=("operator", "builder")),
    Permission("agents:delete", "Delete agents", dangerous=True),
]


@pytest.fixture
def app(database: Any) -> Any:
    manager = pluggy.PluginManager("aasim")
    manager.add_hookspecs(hookspecs)
    keyring = Keyring([new_key()])
    app: Any = SimpleNamespace(
        settings=Settings.load({}, environ={}),
        database=database,
        keyring=keyring,
        hook=manager.hook,
        passwords=Passwords(),
        tokens=AccessTokens(keyring, issuer="aasim", audience="aasim-api"),
        permissions={permission.id: permission for permission in PERMISSIONS},
    )
    app.rights, app.features = RightsCache(app), Features(app)
    bind(database, [*access.RECORDS, *identity.RECORDS])
    return app


@pytest.fixture
def ada(app: Any) -> User:
    """A user with an organization of her own."""
    with system_scope("test"), app.database.transaction():
        user = create_user("ada@example.com", "Ada Lovelace", None)
        found_organization("Analytical Engines", user)
    return user


@pytest.fixture
def log_in(app: Any) -> Callable[..., Tokens]:
    """Begins a session of a user."""

    def start(user: User, client: Client = HOME) -> Tokens:
        with system_scope("test"), app.database.transaction():
            return sessions.start(app, user, sessions.home_of(user.id) or "", client)

    return start
