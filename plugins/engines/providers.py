"""The providers that the plugins of this app bring."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from aasim_core.errors import StartupError

from .chat import BuiltIn, Provider

if TYPE_CHECKING:
    from aasim_core.app import App

_KEPT_AS = "engines.providers"


def providers_of(app: "App") -> Mapping[str, Provider]:
    """The providers by name; the plugins are asked once in the life of the app, since providers hold what their chats share."""
    kept: Mapping[str, Provider] | None = vars(app).get(_KEPT_AS)
    return kept if kept is not None else keep(app, _asked(app))


def keep(app: "App", providers: Mapping[str, Provider]) -> Mapping[str, Provider]:
    """Let the app have these providers from now on, unless another thread was quicker."""
    kept: Mapping[str, Provider] = vars(app).setdefault(_KEPT_AS, MappingProxyType(dict(providers)))
    return kept


def default_built_in(providers: Mapping[str, Provider]) -> str | None:
    """The provider whose built-in engine agents use that name none."""
    return next((name for name, provider in providers.items() if provider.built_in and provider.built_in.default), None)


def built_in_engines(providers: Mapping[str, Provider]) -> Mapping[str, BuiltIn]:
    """The engines that need no configuration, by the provider that brings them."""
    return {name: provider.built_in for name, provider in providers.items() if provider.built_in is not None}


def _asked(app: "App") -> Mapping[str, Provider]:
    found: dict[str, Provider] = {}
    owners: dict[str, str] = {}
    for plugin, brought in app.plugins.each("engine_providers", app=app):
        for provider in brought:
            if provider.name in found:
                raise StartupError(
                    f"the plugins {owners[provider.name]} and {plugin} both bring an engine provider named {provider.name!r}; "
                    "turn one of them off"
                )
            found[provider.name], owners[provider.name] = provider, plugin
    return found
