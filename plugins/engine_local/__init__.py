"""The embedded engine: a small language model that runs on this machine, without a key and without network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import Check, Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core.app import App

    from ..engines.hookspecs import Provider
    from .settings import LocalSettings

plugin = Plugin(
    title="Embedded engine",
    summary="Runs agents on a small language model inside the installation, offline and without a key.",
    requires=("engines", "engine_openai"),
)


@hookimpl
def config_schema() -> "type[LocalSettings]":
    """The section ``[engine_local]``."""
    from .settings import LocalSettings

    return LocalSettings


@hookimpl
def engine_providers(app: "App") -> "Sequence[Provider]":
    """The one provider of this plugin."""
    from .service import provider

    return [provider(app)]


@hookimpl
def shutdown(app: "App") -> None:
    """This process needs the engine host no longer, which ends with the last one that does."""
    from .service import SUPERVISOR

    supervisor = app.stash.find(SUPERVISOR)
    if supervisor is not None:
        supervisor.release()


@hookimpl
def purge(app: "App") -> None:
    """The default model, with its license, is removed."""
    from .fetch import remove
    from .service import settings_of

    remove(settings_of(app).model_path)


@hookimpl
def health(app: "App") -> "Sequence[Check]":
    """Whether the embedded model could be asked."""
    from .service import check, settings_of

    return (Check("engine_local", lambda: check(settings_of(app))),)
