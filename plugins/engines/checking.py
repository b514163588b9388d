"""Validation of an engine beyond its schema: its provider, address, parameters and fallbacks."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.outbound.secret_addresses import Address, leads_elsewhere
from aasim_core.text.suggestions import did_you_mean

from .chat import EngineError, Provider
from .finding import find_or_none
from .models import Engine, no_limits
from .provider_kit.parameters import parameters_from, refuse_reserved
from .providers import installed_providers, providers_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: What the provider of a built-in engine decides.
_FIXED = ("provider", "model", "base_url", "api_key", "capabilities", "context_tokens")


def checked(app: "App", values: Mapping[str, Any], engine: Engine | None) -> dict[str, Any]:
    """`values`, completed from the provider; raises Invalid, or Refused for what a built-in engine cannot have.

    `engine` is the one that is to be changed, or None for a new one.
    """
    if engine is not None and engine.built_in_of is not None:
        _refuse_fixed(values, engine)
    provider = _provider(app, values, engine)
    whole = {**values} if engine is None else {**_current(engine), **values}
    problems = {
        name: [problem]
        for name, problem in (
            *_address_problems(whole, provider),
            *_provider_problems(values, provider),
            ("model", _model_problem(whole, provider)),
            ("default_parameters", _parameter_problem(whole["default_parameters"], provider)),
            ("api_key", _key_problem(values, engine, installed_providers(app))),
            ("fallback_engine_ids", _fallback_problem(values.get("fallback_engine_ids", ()), engine)),
        )
        if problem is not None
    }
    if problems:
        raise Invalid(problems)
    return _completed(values, provider)


def _refuse_fixed(values: Mapping[str, Any], engine: Engine) -> None:
    for name in _FIXED:
        if name in values and values[name] != getattr(engine, name):
            raise Refused("invalid_state", f"The {name} of a built-in engine cannot be changed; create an engine of your own.")


def _provider(app: "App", values: Mapping[str, Any], engine: Engine | None) -> Provider:
    name = values.get("provider", engine.provider if engine is not None else "")
    providers = providers_of(app)
    if name not in providers:
        if (plugin := app.offers.off_here("engine_providers", name)) is not None:
            raise Invalid({"provider": [Problem("invalid_choice", app.features.explain_off(plugin, f"the provider {name}"))]})
        advice = did_you_mean(name, providers) or f" There are {', '.join(sorted(providers))}."
        raise Invalid({"provider": [Problem("invalid_choice", f"No plugin brings this provider.{advice}")]})
    return providers[name]


def _current(engine: Engine) -> dict[str, Any]:
    return {name: getattr(engine, name) for name in ("model", "base_url", "api_key", "default_parameters")}


def _address_problems(whole: Mapping[str, Any], provider: Provider) -> list[tuple[str, Problem | None]]:
    if provider.built_in is None and provider.addressable:
        missing = not whole.get("base_url") and not whole.get("api_key")
        return [
            ("base_url", Problem("required", "Write base_url, or api_key for the provider's own service.") if missing else None)
        ]
    message = f"The provider {provider.name} runs on this installation; leave this out."
    refused = ("base_url",) if provider.built_in is None else ("base_url", "api_key")
    return [(name, Problem("url_not_allowed", message) if whole.get(name) else None) for name in refused]


def _key_problem(values: Mapping[str, Any], engine: Engine | None, providers: Mapping[str, Provider]) -> Problem | None:
    """What is wrong where a key that the caller need not know would be sent to another place from now on."""
    if engine is None or engine.api_key is None or "api_key" in values:
        return None
    before, after = (
        _place(providers, each.get("provider", engine.provider), each.get("base_url", engine.base_url)) for each in ({}, values)
    )
    return (
        Problem("required", "The engine leads elsewhere now; write its key again.")
        if leads_elsewhere([before], [after])
        else None
    )


def _place(providers: Mapping[str, Provider], name: str, base_url: str | None) -> Address | str:
    """Where the key is sent: an address, or the provider itself where only that knows it, or is not on."""
    url = base_url or (providers[name].service_url if name in providers else None)
    return Address.of(url) if url else name


def _model_problem(whole: Mapping[str, Any], provider: Provider) -> Problem | None:
    if whole.get("model") is None and provider.built_in is None:
        return Problem("required", "Write the name that the model has at the provider.")
    return None


def _provider_problems(values: Mapping[str, Any], provider: Provider) -> list[tuple[str, Problem | None]]:
    """What the provider itself says of what is written; what was written before may have been right then."""
    missing = provider.missing() if "provider" in values else None
    closed = provider.closed(values["base_url"]) if values.get("base_url") else None
    return [
        ("provider", Problem("invalid_choice", missing) if missing else None),
        ("base_url", Problem("url_not_allowed", closed) if closed else None),
    ]


def _parameter_problem(parameters: Mapping[str, Any], provider: Provider) -> Problem | None:
    try:
        parameters_from(parameters)
        refuse_reserved(parameters, provider.reserved)
    except EngineError as error:
        return Problem("invalid_format", f"{error.message[:1].upper()}{error.message[1:]}.")
    return None


def _fallback_problem(engine_ids: Any, engine: Engine | None) -> Problem | None:
    for engine_id in engine_ids:
        if (engine is not None and engine_id == engine.id) or find_or_none(engine_id) is None:
            return Problem("invalid_reference", f"{engine_id} is no other engine here; see GET /engines.")
    return None


def _completed(values: Mapping[str, Any], provider: Provider) -> dict[str, Any]:
    completed = dict(values)
    if "capabilities" in values:
        completed["capabilities"] = {**asdict(provider.capabilities), **values["capabilities"]}
    if "model" in values and values["model"] is None and provider.built_in is not None:
        completed["model"] = provider.built_in.model
    if "limits" in values:
        completed["limits"] = {**no_limits(), **values["limits"]}
    if "prices" in values:
        completed["prices"] = [
            {**row, "valid_from": row["valid_from"] and row["valid_from"].isoformat()} for row in values["prices"]
        ]
    return completed
