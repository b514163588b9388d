"""A plugin that uses every hook of the core, for tests; it keeps greetings."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from aasim_core import (
    App,
    Check,
    ErrorCode,
    Event,
    Job,
    Listener,
    OrganizationSetting,
    Permission,
    Plugin,
    Record,
    Request,
    Resource,
    SpanReceiver,
    hookimpl,
)
from aasim_core.schemas.fields import Text

from . import api, service
from . import commands as own_commands
from . import jobs as own_jobs
from . import listeners as own_listeners
from .models import Greeting
from .settings import DummySettings

plugin = Plugin("Dummy", "Uses every hook, for tests.")


@hookimpl
def config_schema() -> type[DummySettings]:
    """The section ``[dummy]``."""
    return DummySettings


@hookimpl
def models(app: App) -> Sequence[type[Record]]:
    """The greeting."""
    return (Greeting,)


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about greetings."""
    return (
        Permission("dummy:read", "See greetings", roles=("builder", "operator", "viewer")),
        Permission("dummy:create", "Create greetings", roles=("builder",)),
        Permission("dummy:update", "Change greetings", roles=("builder",)),
        Permission("dummy:delete", "Delete greetings", dangerous=True, roles=("builder",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to greetings."""
    return (
        Event("dummy.created", "A greeting was created", "dummy_greeting"),
        Event("dummy.updated", "A greeting was changed", "dummy_greeting"),
        Event("dummy.deleted", "A greeting was deleted", "dummy_greeting"),
        Event(
            "dummy.answered",
            "A greeting was answered",
            "dummy_greeting",
            {"answer": Text(required=True, description="The words of the answer.")},
        ),
    )


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What is answered to the rude."""
    return (own_listeners.RUDE,)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """One of each moment."""
    return (
        Listener("dummy.created", own_listeners.refuse_rudeness, "before_commit"),
        Listener("dummy.created", own_listeners.answer_later, "after_commit", own_listeners.expects_an_answer),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """One that is enqueued, and one that runs by the clock."""
    return (
        Job("dummy.answer", lambda context, payload: own_jobs.answer(app, payload), time_limit=30),
        Job("dummy.count", own_jobs.count, schedule="*/5 * * * *"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /dummy."""
    return (api.Greetings(app),)


@hookimpl
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """How greetings are signed."""
    return (OrganizationSetting("signature", Text(1, 40, load_default="Yours", description="The end of each greeting.")),)


@hookimpl
def span_receivers(app: App) -> Sequence[SpanReceiver]:
    """The last things that were done are remembered."""
    return (SpanReceiver("dummy", lambda span: app.stash.of(own_listeners.DONE).append(span)),)


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """``aasim dummy greet NAME``."""
    return (own_commands.greet(app),)


@hookimpl
def prepare(app: App, report: Callable[[str, int, int], None]) -> None:
    """Say that there was nothing to prepare."""
    report("greetings", 1, 1)


@hookimpl
def demonstrate(app: App, say: Callable[[str], None]) -> bool:
    """Say what every greeting is answered with."""
    say(service.settings_of(app).answer)
    return True


@hookimpl
def startup(app: App) -> None:
    """Leave a mark that `health` looks for."""
    service.mark(app).touch()


@hookimpl
def shutdown(app: App) -> None:
    """Take the mark away."""
    service.mark(app).unlink(missing_ok=True)


@hookimpl
def purge(app: App) -> None:
    """Take away what a process that was killed has left."""
    service.mark(app).unlink(missing_ok=True)


@hookimpl
def health(app: App) -> Sequence[Check]:
    """Whether `startup` has run."""
    return (Check("dummy", lambda: {"started": service.mark(app).exists()}),)


@hookimpl
def authenticate(app: App, req: Request) -> Any:
    """No credential is this plugin's."""
    return None


@hookimpl
def feature_allowed(app: App, organization_id: str, plugin: str) -> bool | None:
    """Hide what the settings say."""
    return False if plugin in service.settings_of(app).hidden else None
