"""The first run of `aasim up`: each step changes nothing where its result exists."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import StartupError
from ..identity import administrators
from ..identity.passwords import generated_password

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
    with app.database.connected():
        for _ in app.plugins.each("prepare", app=app, report=report):
            pass


def demonstrate(app: "App", say: Callable[[str], None]) -> None:
    """Let the plugins demonstrate themselves once, with API and worker running."""
    with app.database.connected():
        shown = [done for _, done in app.plugins.each("demonstrate", app=app, say=say)]
    if not any(shown):
        raise StartupError("no plugin that is on has anything to demonstrate; turn on the plugins that run agents", exit_code=69)
