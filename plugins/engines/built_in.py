"""The engines that every organization has without configuration, written on first use."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core.context import SYSTEM, acting_as, current_organization, current_request_id
from aasim_core.data import records
from aasim_core.events.log import emit
from aasim_core.tenancy import epoch

from .chat import Provider
from .models import Engine
from .providers import built_in_engines, providers_of

if TYPE_CHECKING:
    from aasim_core.app import App


def ensure_built_in(app: "App") -> None:
    """Bring the built-in engines of the organization in scope up to what the providers offer; one read where nothing is new."""
    offered = {name: _facts(provider) for name, provider in providers_of(app).items() if provider.built_in is not None}
    if _outdated(offered):
        try:
            with app.database.transaction(), acting_as(SYSTEM, current_request_id()):
                for name in _outdated(offered):
                    _write(name, offered[name], built_in_engines(providers_of(app))[name].default_parameters)
        except peewee.IntegrityError:
            # Somebody else was quicker.
            return


def _facts(provider: Provider) -> dict[str, Any]:
    """What the provider decides about its engine; everything else is the organization's to change."""
    built_in = provider.built_in
    assert built_in is not None  # noqa: S101 - the caller has looked
    return {
        "name": built_in.name,
        "model": built_in.model,
        "context_tokens": built_in.context_tokens,
        "capabilities": asdict(provider.capabilities),
    }


def _outdated(offered: Mapping[str, Mapping[str, Any]]) -> list[str]:
    have = {engine.built_in_of: engine for engine in Engine.select().where(Engine.built_in_of.is_null(False))}
    return [name for name, facts in offered.items() if name not in have or _differences(have[name], facts)]


def _differences(engine: Engine, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "name" and getattr(engine, key) != value}


def _write(name: str, facts: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    engine = Engine.get_or_none(Engine.built_in_of == name)
    if engine is not None:
        epoch.bump(current_organization())
        changed = records.change(engine, _differences(engine, facts))
        emit("engines.updated", engine, changes=changed)
        return
    taken = {row.name for row in Engine.select(Engine.name).where(Engine.name.startswith(facts["name"]))}
    values = {**facts, "name": _free(facts["name"], taken), "default_parameters": dict(parameters)}
    write({**values, "provider": name, "built_in_of": name})


def write(values: Mapping[str, Any]) -> Engine:
    """Write a new engine and its event."""
    engine = Engine(**values)
    records.insert(engine)
    emit("engines.created", engine)
    return engine


def _free(name: str, taken: Iterable[str]) -> str:
    candidates = [name, *(f"{name} {number}" for number in range(2, len(list(taken)) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)
