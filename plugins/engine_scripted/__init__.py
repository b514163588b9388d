"""An engine with scripted replies, for dry runs and for tests of agents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core.app import App

    from ..engines.hookspecs import Provider

plugin = Plugin(
    title="Scripted engine",
    summary="Plays replies and faults that an agent's parameters hold, without a model.",
    requires=("engines",),
)


@hookimpl
def engine_providers(app: "App") -> "Sequence[Provider]":
    """The one provider of this plugin."""
    from .service import PROVIDER

    return [PROVIDER]
