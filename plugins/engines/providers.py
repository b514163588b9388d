"""The providers that the plugins of this app bring."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .chat import BuiltIn, Provider

if TYPE_CHECKING:
    from aasim_core.app import App


def providers_of(app: "App") -> Mapping[str, Provider]:
    """The providers by name; the plugins are asked once in the life of the app, since providers hold what their chats share."""
    return app.offers("engine_providers")


def default_built_in(providers: Mapping[str, Provider]) -> str | None:
    """The provider whose built-in engine agents use that name none."""
    return next((name for name, provider in providers.items() if provider.built_in and provider.built_in.default), None)


def built_in_engines(providers: Mapping[str, Provider]) -> Mapping[str, BuiltIn]:
    """The engines that need no configuration, by the provider that brings them."""
    return {name: provider.built_in for name, provider in providers.items() if provider.built_in is not None}
