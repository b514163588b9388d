"""Find clashes: names, routes, tables and prefixes of ids that two plugins bring, or one twice."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..plugins.declarations import Declarations, listener_key, table_of
from ..plugins.failures import place_of
from ..plugins.manifest import CORE
from .protocol_rules import OF_THE_CORE

if TYPE_CHECKING:
    from ..http.operations import Endpoint

# These are under their owner's name; only the owner's own can clash.
_PRIVATE = ("command", "listener", "organization's setting")


@dataclass(frozen=True)
class Claim:
    """A claim to something unique: two claims of equal `kind` and `key` clash. `at` is what declares it."""

    kind: str
    key: str
    shown: str
    at: Any = None

    @property
    def place(self) -> str:
        """Return where it is declared, as the end of a phrase."""
        return place_of(self.at)


@dataclass
class Taken:
    """The claims of the previous owners."""

    claims: dict[tuple[str, str], tuple[str, Claim]] = field(default_factory=dict)
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    operations: dict[str, tuple[str, str]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=OF_THE_CORE.copy)

    def owners_of(self, own: Declarations) -> set[str]:
        """Return whose routes `own` declares again, which is reported as a clash."""
        return {self.claims["route", claim.key][0] for claim in claims_of(own) if claim.kind == "route"}


def clashes(owner: str, own: Declarations, taken: Taken) -> Iterator[str]:
    """Find what `own` declares again, and what cannot be told apart from what is `taken`."""
    yield from _claimed_again(owner, own, taken)
    yield from _field_names(owner, own, taken)
    yield from _same_names(owner, own, taken)


def claims_of(own: Declarations) -> Iterator[Claim]:
    """All that is declared and has to be unique."""
    named = {
        ("permission", "permissions"): [permission.id for permission in own.permissions],
        ("event", "events"): [event.name for event in own.events],
        ("error code", "error_codes"): [str(code) for code in own.error_codes],
        ("job", "jobs"): [job.name for job in own.jobs],
        ("health check", "health"): [check.name for check in own.checks],
        ("command", "commands"): [str(command.name) for command in own.commands],
        ("organization's setting", "organization_settings"): [setting.name for setting in own.organization_settings],
        ("receiver of spans", "span_receivers"): [receiver.name for receiver in own.span_receivers],
        ("listener", "listeners"): [listener_key("", listener).removeprefix("/") for listener in own.listeners],
    }
    for (kind, hook), names in named.items():
        for name in names:
            yield Claim(kind, name, name, own.hooks.get(hook))
    for model in own.models:
        yield Claim("table", table_of(model), table_of(model), model)
        prefix = getattr(model._meta, "id_prefix", None)
        if prefix:
            yield Claim("prefix of ids", prefix, prefix, model)
    for offer in own.offers:
        yield Claim(f"entry for {offer.hook}", offer.name, offer.name, own.hooks.get(offer.hook))
    for resource in own.routes:
        for template in resource.paths.values():
            yield Claim("route", _without_fields(_address(resource, template)), template, type(resource))


def _claimed_again(owner: str, own: Declarations, taken: Taken) -> Iterator[str]:
    for claim in claims_of(own):
        key = claim.kind, f"{owner} {claim.key}" if claim.kind in _PRIVATE else claim.key
        if key not in taken.claims:
            taken.claims[key] = owner, claim
            continue
        other, earlier = taken.claims[key]
        if other == owner:
            yield f"declares the {claim.kind} {claim.shown} twice{claim.place}"
        else:
            same = "" if earlier.shown == claim.shown else f" as {earlier.shown}"
            told = f"declares the {claim.kind} {claim.shown}, which {_the(other)} has already{same}"
            advice = (
                "; give the record another id_prefix, before anybody uses the plugin" if claim.kind == "prefix of ids" else ""
            )
            yield f"{told}{advice}{claim.place}"


def _field_names(owner: str, own: Declarations, taken: Taken) -> Iterator[str]:
    """falcon refuses two field names at one position: ``/agents/{agent_id}`` and ``/agents/{id}/publish``."""
    for resource in own.routes:
        for template in resource.paths.values():
            parts = _address(resource, template).split("/")
            for depth, part in enumerate(parts):
                if re.fullmatch(r"\{[^{}]*\}", part):
                    place = _without_fields("/".join(parts[:depth]))
                    other, name = taken.fields.setdefault(place, (owner, part))
                    if name != part:
                        yield f"has the route {template}, where {_the(other)} calls the field {name}; use the same name"


def _same_names(owner: str, own: Declarations, taken: Taken) -> Iterator[str]:
    """Find two operations of one name in the API's document; those of one route clash already."""
    for endpoint in (endpoint for endpoint in served(own) if endpoint.in_api):
        name, place = endpoint.operation_id, _without_fields(endpoint.template)
        other, elsewhere = taken.operations.setdefault(name, (owner, place))
        if place != elsewhere:
            told = f"has the operation {endpoint.method} {endpoint.template}, named {name} as one of {_the(other)}"
            yield f'{told}; give it another name with @operation(verb="..."){place_of(type(endpoint.resource))}'


def served(own: Declarations) -> "Sequence[Endpoint]":
    """Return the operations; none if one of them cannot be served, which another rule reports."""
    with suppress(LookupError, AttributeError, TypeError, ValueError):
        return own.endpoints
    return ()


def _address(resource: Any, template: str) -> str:
    from ..http.protocols import address_of

    return address_of(resource.protocol, template)


def _without_fields(template: str) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", template)


def _the(owner: str) -> str:
    return "the core" if owner == CORE else f"the plugin {owner}"
