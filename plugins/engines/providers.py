"""The registry of providers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .chat import BuiltIn, Provider, ProviderOff

if TYPE_CHECKING:
    from aasim_core.app import App


def installed_providers(app: "App") -> Mapping[str, Provider]:
    """All providers of the installation by name, for what is done for no organization, such as `prepare`."""
    return app.offers("engine_providers")


def providers_of(app: "App") -> Mapping[str, Provider]:
    """The providers that the organization in scope has, by name."""
    return app.offers.here("engine_providers")


def provider_named(app: "App", name: str) -> Provider:
    """The provider of that name; raises `ProviderOff` where the organization in scope does not have it."""
    provider = providers_of(app).get(name)
    if provider is None:
        raise ProviderOff(name, app.offers.owner_of("engine_providers", name))
    return provider


def default_provider(app: "App") -> str | None:
    """The provider whose built-in engine agents use that name none; one that is off only where no other one would do."""
    return default_built_in(providers_of(app)) or default_built_in(installed_providers(app))


def default_built_in(providers: Mapping[str, Provider]) -> str | None:
    """The provider whose built-in engine agents use that name none."""
    return next((name for name, provider in providers.items() if provider.built_in and provider.built_in.default), None)


def built_in_engines(providers: Mapping[str, Provider]) -> Mapping[str, BuiltIn]:
    """The engines that need no configuration, by the provider that brings them."""
    return {name: provider.built_in for name, provider in providers.items() if provider.built_in is not None}
