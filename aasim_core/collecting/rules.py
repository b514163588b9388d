"""Rules for declarations: each is named after its plugin, under its own root, and unique."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..access.roles import BUILT_IN
from ..clock import now
from ..errors import StartupError
from ..plugins.declarations import Declarations, listener_key, table_of
from ..plugins.failures import describe, did_you_mean, place_of
from ..plugins.manifest import CORE
from .event_rules import event_flaws
from .protocol_rules import OF_THE_CORE, caller_flaws, protocol_flaws
from .record_rules import record_flaws
from .resource_rules import resource_flaws

if TYPE_CHECKING:
    from ..http.operations import Endpoint

_WORDS = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_FORMS = {"permission": ":<verb>", "event": ".<past tense>", "error code": "_<what>", "job": ".<verb>", "table": "_<singular>"}
_UNSERVABLE = (LookupError, AttributeError, TypeError, ValueError)
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
class _Taken:
    """The claims of the previous owners."""

    claims: dict[tuple[str, str], tuple[str, Claim]] = field(default_factory=dict)
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    operations: dict[str, tuple[str, str]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=OF_THE_CORE.copy)

    def owners_of(self, own: Declarations) -> set[str]:
        """Return whose routes `own` declares again, which is reported as a clash."""
        return {self.claims["route", claim.key][0] for claim in _claims(own) if claim.kind == "route"}


def broken_rules(declared: Mapping[str, Declarations], requires: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return, for each plugin in `declared` (by owner, in order, the core first) that breaks a rule, what is wrong."""
    taken = _Taken()
    roots = {_root(template): CORE for template in _templates(declared[CORE])}
    roots |= {owner.replace("_", "-"): owner for owner in declared if owner.replace("_", "-") not in roots}
    reasons: dict[str, str] = {}
    for owner, own in declared.items():
        found = [*_clashes(owner, own, taken), *_field_names(owner, own, taken), *_same_names(owner, own, taken)]
        if owner != CORE:
            found += [*_misnamed(owner, own), *_strange_roots(owner, own, roots, (*requires[owner], *taken.owners_of(own)))]
            found += [*event_flaws(owner, own, declared), *_unguarded(own, declared), *_strange_roles(own), *_never_due(own)]
            found += [*_strange_statuses(own), *_unknown_refusals(own, declared)]
            found += [*record_flaws(owner, own), *resource_flaws(own)]
            found += [*protocol_flaws(owner, own, taken.prefixes), *caller_flaws(_served(own))]
            if found:
                reasons[owner] = "; ".join(found)
        elif found:
            raise AssertionError(f"the core contradicts itself: {found}")
    return reasons


def _claims(own: Declarations) -> Iterator[Claim]:
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


def _clashes(owner: str, own: Declarations, taken: _Taken) -> Iterator[str]:
    for claim in _claims(own):
        key = claim.kind, f"{owner} {claim.key}" if claim.kind in _PRIVATE else claim.key
        if key not in taken.claims:
            taken.claims[key] = owner, claim
            continue
        other, earlier = taken.claims[key]
        if other == owner:
            yield f"declares the {claim.kind} {claim.shown} twice{claim.place}"
        else:
            same = "" if earlier.shown == claim.shown else f" as {earlier.shown}"
            yield f"declares the {claim.kind} {claim.shown}, which {_the(other)} has already{same}{claim.place}"


def _field_names(owner: str, own: Declarations, taken: _Taken) -> Iterator[str]:
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


def _same_names(owner: str, own: Declarations, taken: _Taken) -> Iterator[str]:
    """Find two operations of one name in the API's document; those of one route clash already."""
    for endpoint in (endpoint for endpoint in _served(own) if endpoint.in_api):
        name, place = endpoint.operation_id, _without_fields(endpoint.template)
        other, elsewhere = taken.operations.setdefault(name, (owner, place))
        if place != elsewhere:
            told = f"has the operation {endpoint.method} {endpoint.template}, named {name} as one of {_the(other)}"
            yield f'{told}; give it another name with @operation(verb="..."){place_of(type(endpoint.resource))}'


def _misnamed(owner: str, own: Declarations) -> Iterator[str]:
    for claim in _claims(own):
        is_free = own.bundled and (claim.kind == "error code" or (claim.kind == "event" and claim.key.endswith(".*")))
        form = None if is_free else _FORMS.get(claim.kind)
        words = rf"({_WORDS}|[*])" if claim.kind == "event" else _WORDS
        if form and not re.fullmatch(re.escape(owner + form[0]) + words, claim.key):
            yield f"declares the {claim.kind} {claim.shown}; name it {owner}{form}{claim.place}"


def _strange_roots(owner: str, own: Declarations, roots: Mapping[str, str], requires: Sequence[str]) -> Iterator[str]:
    from ..http.protocols import API

    for resource in (resource for resource in own.routes if resource.protocol is API):
        for template in resource.paths.values():
            flaw = _strange_root(owner, template, roots, requires)
            if flaw:
                yield f"{flaw}{place_of(type(resource))}"


def _strange_root(owner: str, template: str, roots: Mapping[str, str], requires: Sequence[str]) -> str | None:
    root = _root(template)
    home = roots.get(root)
    if not template.startswith("/") or template.endswith("/"):
        return f"has the route {template!r}; a route begins with a slash and does not end with one"
    if home is None:
        own_root = owner.replace("_", "-")
        return f"has the route {template}; its routes begin with /{own_root}, or with the root of a plugin that it requires"
    if home == CORE:
        return f"has the route {template}, and /{root} belongs to the core"
    if home != owner and home not in requires:
        return f"has the route {template} under the root of the plugin {home}; add {home!r} to its `requires`"
    return None


def _served(own: Declarations) -> "Sequence[Endpoint]":
    """Return the operations; none if one of them cannot be served, which `_unguarded` reports."""
    with suppress(LookupError, AttributeError, TypeError, ValueError):
        return own.endpoints
    return ()


def _unguarded(own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Find responders without an operation, and operations with an undeclared permission."""
    permissions = {permission.id for one in declared.values() for permission in one.permissions}
    try:
        endpoints = own.endpoints
    except _UNSERVABLE:
        yield from _unservable(own)
        return
    asking: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        if endpoint.permission and endpoint.permission not in permissions:
            asking.setdefault(endpoint.permission, []).append(endpoint)
    for wanted, unguarded in asking.items():
        where = ", ".join(f"{endpoint.method} {endpoint.template}" for endpoint in unguarded)
        place = place_of(type(unguarded[0].resource))
        yield f"asks for the permission {wanted} at {where}, which nobody declares{did_you_mean(wanted, permissions)}{place}"


def _unservable(own: Declarations) -> Iterator[str]:
    from ..http.endpoints import endpoints_of

    for resource in own.routes:
        try:
            tuple(endpoints_of(own.owner, (resource,)))
        except _UNSERVABLE as error:
            yield f"has a route that cannot be served: {describe(error, None)}{place_of(type(resource))}"


def _strange_roles(own: Declarations) -> Iterator[str]:
    """Find permissions for unknown built-in roles, which nobody would ever hold through them."""
    for permission in own.permissions:
        if isinstance(permission.roles, str):
            advice = f'write roles=("{permission.roles}",)'
            yield f'gives the permission {permission.id} roles="{permission.roles}"; {advice}{own.at("permissions")}'
            continue
        for role in permission.roles:
            if role not in BUILT_IN:
                advice = did_you_mean(role, BUILT_IN) or f"; built in are {', '.join(BUILT_IN)}"
                flaw = f"gives the permission {permission.id} to the role {role}, which is not built in"
                yield f"{flaw}{advice}{own.at('permissions')}"


def _strange_statuses(own: Declarations) -> Iterator[str]:
    """Error codes with a status that the API reference has no words for."""
    from ..openapi.failures import STATUSES

    for code in own.error_codes:
        if code.status not in STATUSES:
            advice = f"use one of {', '.join(map(str, STATUSES))}"
            yield f"declares the error code {code} with the status {code.status}; {advice}{own.at('error_codes')}"


def _unknown_refusals(own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    codes = {str(code) for one in declared.values() for code in one.error_codes}
    for endpoint in _served(own):
        for code in endpoint.operation.known_refusals:
            if code not in codes:
                told = f"refuses {endpoint.method} {endpoint.template} with the error code {code}, which nobody declares"
                yield f"{told}{did_you_mean(code, codes)}{place_of(type(endpoint.resource))}"


def _never_due(own: Declarations) -> Iterator[str]:
    from ..jobs.schedules import previous_due

    for job in own.jobs:
        if job.schedule is not None:
            try:
                previous_due(job, now())
            except StartupError as error:
                yield f"has a job that is never due: {error}{own.at('jobs')}"


def _templates(own: Declarations) -> Iterator[str]:
    for resource in own.routes:
        yield from resource.paths.values()


def _address(resource: Any, template: str) -> str:
    from ..http.protocols import address_of

    return address_of(resource.protocol, template)


def _without_fields(template: str) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", template)


def _root(template: str) -> str:
    return template.removeprefix("/").partition("/")[0]


def _the(owner: str) -> str:
    return "the core" if owner == CORE else f"the plugin {owner}"
