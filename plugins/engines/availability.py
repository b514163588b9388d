"""The availability of an agent's engine, or the default one, to the organization in scope."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .chat import Provider, ProviderOff
from .finding import find_or_none
from .providers import default_provider, provider_named, providers_of

if TYPE_CHECKING:
    from aasim_core.app import App


@dataclass(frozen=True)
class Missing:
    """Why an engine is unavailable: the `plugin` of its provider is disabled; None where no enabled plugin provides it."""

    plugin: str | None
    reason: Literal["feature_disabled", "not_found"]


def missing(app: "App", engine_id: str | None) -> Missing | None:
    """Why the engine of that id, or the default one, is not there for the organization in scope; None where it is."""
    try:
        provider_named(app, _provider_name(app, engine_id) or "")
    except ProviderOff as off:
        return Missing(off.plugin, "feature_disabled" if off.plugin else "not_found")
    return None


def provider_of(app: "App", engine_id: str | None) -> Provider | None:
    """The provider of the engine of that id, or of the default one; None where the organization in scope does not have it."""
    return providers_of(app).get(_provider_name(app, engine_id) or "")


def _provider_name(app: "App", engine_id: str | None) -> str | None:
    engine = find_or_none(engine_id) if engine_id is not None else None
    return default_provider(app) if engine_id is None else engine.provider if engine is not None else None
