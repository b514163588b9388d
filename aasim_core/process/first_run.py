"""The first run of `aasim up`: each step changes nothing where its result exists."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import StartupError
from ..identity import administrators
from ..identity.clients import Client
from ..identity.passwords import generated_password
from ..identity.sessions import end
from ..outbound.own_api import OwnApi
from ..tenancy.records import User

if TYPE_CHECKING:
    from ..app import App
    from ..terminal.output import Report


@dataclass(frozen=True)
class Credentials:
    """What the first administrator logs in with."""

    email: str
    password: str


def first_administrator(app: "App", email: str) -> Credentials | None:
    """Make an administrator with a generated password, unless there is one."""
    if administrators.exist(app.database):
        return None
    credentials = Credentials(email, generated_password())
    administrators.create(app.database, app.passwords, credentials.email, credentials.password)
    return credentials


def first_run(app: "App", report: "Report") -> None:
    """Let the plugins download or create what they need before their first request: a model file, a sample agent."""
    administrator = administrators.first(app.database)
    with app.database.connected():
        for _ in app.plugins.each("prepare", app=app, report=report, administrator=administrator):
            pass


def demonstrate(app: "App", address: str, say: Callable[[str], None]) -> None:
    """Let the plugins demonstrate themselves once, with API and worker running, as the first administrator."""
    with app.database.connected(), _administrators_api(app, address) as api:
        shown = [done for _, done in app.plugins.each("demonstrate", app=app, api=api, say=say)]
    if not any(shown):
        raise StartupError(
            "no plugin that is on has anything to demonstrate; turn on demo, with what it requires and uses (aasim plugins describe demo)",
            exit_code=69,
        )


@contextmanager
def _administrators_api(app: "App", address: str) -> Iterator[OwnApi]:
    """The API in a session of the first administrator, which ends with it."""
    administrator = administrators.first(app.database)
    if administrator is None:
        raise StartupError(
            "the first administrator can no longer act in an organization, so nothing is demonstrated", exit_code=69
        )
    with app.database.transaction():
        user = User.get_by_id(administrator.user_id)
        tokens = app.sessions.start(user, administrator.organization_id, Client.of(None, "aasim up --demo"))
    try:
        with OwnApi(address, tokens.access_token) as api:
            yield api
    finally:
        with app.database.transaction():
            end([tokens.session_id], "demonstration_over")
