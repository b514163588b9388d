"""The rules that declarations keep: each is named after its plugin, under its own root, and nobody else's already."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..access.roles import BUILT_IN
from ..clock import now
from ..errors import StartupError
from .declarations import Declarations, listener_key, table_of
from .failures import describe, did_you_mean
from .manifest import CORE

_WORDS = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_FORMS = {"permission": ":<verb>", "event": ".<past tense>", "job": ".<verb>", "table": "_<singular>"}
# These stand under their owner's name; only one's own can clash.
_PRIVATE = ("command", "listener", "organization's setting")


@dataclass(frozen=True)
class Claim:
    """Something that only one owner can have: two claims of equal `kind` and `key` clash."""

    kind: str
    key: str
    shown: str


@dataclass
class _Taken:
    """What the owners before the present one have claimed."""

    claims: dict[tuple[str, str], tuple[str, Claim]] = field(default_factory=dict)
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)


def broken_rules(declared: Mapping[str, Declarations], requires: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For each plugin in `declared` (by owner, in order, the core first) that breaks a rule, what it does wrong."""
    taken = _Taken()
    roots = {_root(template): CORE for template in _templates(declared[CORE])}
    roots |= {owner.replace("_", "-"): owner for owner in declared if owner.replace("_", "-") not in roots}
    reasons: dict[str, str] = {}
    for owner, own in declared.items():
        found = [*_clashes(owner, own, taken), *_field_names(owner, own, taken)]
        if owner != CORE:
            found += [*_misnamed(owner, own), *_strange_roots(owner, own, roots, requires[owner])]
            found += [*_deaf(own, declared), *_unguarded(own, declared), *_strange_roles(own), *_never_due(own)]
            if found:
                reasons[owner] = "; ".join(found)
        elif found:
            raise AssertionError(f"the core contradicts itself: {found}")
    return reasons


def _claims(own: Declarations) -> Iterator[Claim]:
    named = {
        "permission": [permission.id for permission in own.permissions],
        "event": [event.name for event in own.events],
        "job": [job.name for job in own.jobs],
        "table": [table_of(model) for model in own.models],
        "health check": [check.name for check in own.checks],
        "command": [str(command.name) for command in own.commands],
        "organization's setting": [setting.name for setting in own.organization_settings],
        "listener": [listener_key("", listener).removeprefix("/") for listener in own.listeners],
        "prefix of ids": [prefix for model in own.models if (prefix := getattr(model._meta, "id_prefix", None))],
    }
    for kind, names in named.items():
        for name in names:
            yield Claim(kind, name, name)
    for offer in own.offers:
        yield Claim(f"entry for {offer.hook}", offer.name, offer.name)
    for template in _templates(own):
        yield Claim("route", re.sub(r"\{[^}]*\}", "{}", template), template)


def _clashes(owner: str, own: Declarations, taken: _Taken) -> Iterator[str]:
    for claim in _claims(own):
        key = claim.kind, f"{owner} {claim.key}" if claim.kind in _PRIVATE else claim.key
        if key not in taken.claims:
            taken.claims[key] = owner, claim
            continue
        other, earlier = taken.claims[key]
        if other == owner:
            yield f"declares the {claim.kind} {claim.shown} twice"
        else:
            same = "" if earlier.shown == claim.shown else f" as {earlier.shown}"
            yield f"declares the {claim.kind} {claim.shown}, which {_the(other)} has already{same}"


def _field_names(owner: str, own: Declarations, taken: _Taken) -> Iterator[str]:
    """falcon refuses two names for the field at one place: ``/agents/{agent_id}`` and ``/agents/{id}/publish``."""
    for template in _templates(own):
        parts = template.split("/")
        for depth, part in enumerate(parts):
            if re.fullmatch(r"\{[^{}]*\}", part):
                place = re.sub(r"\{[^}]*\}", "{}", "/".join(parts[:depth]))
                other, name = taken.fields.setdefault(place, (owner, part))
                if name != part:
                    yield f"has the route {template}, where {_the(other)} calls the field {name}; use the same name"


def _misnamed(owner: str, own: Declarations) -> Iterator[str]:
    for claim in _claims(own):
        form = _FORMS.get(claim.kind)
        if form and not re.fullmatch(re.escape(owner + form[0]) + _WORDS, claim.key):
            yield f"declares the {claim.kind} {claim.shown}; name it {owner}{form}"


def _strange_roots(owner: str, own: Declarations, roots: Mapping[str, str], requires: Sequence[str]) -> Iterator[str]:
    for template in _templates(own):
        root = _root(template)
        home = roots.get(root)
        if not template.startswith("/") or template.endswith("/"):
            yield f"has the route {template!r}; a route begins with a slash and does not end with one"
        elif home is None:
            own_root = owner.replace("_", "-")
            yield f"has the route {template}; its routes begin with /{own_root}, or with the root of a plugin that it requires"
        elif home == CORE:
            yield f"has the route {template}, and /{root} belongs to the core"
        elif home != owner and home not in requires:
            yield f"has the route {template} under the root of the plugin {home}; add {home!r} to its `requires`"


def _deaf(own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Listeners for events that will never come: of an owner that is there, by a name that it does not declare."""
    events = {event.name for one in declared.values() for event in one.events}
    homes = {*declared, *(name.partition(".")[0] for name in events)}
    for listener in own.listeners:
        known = "*" in listener.pattern or listener.pattern in events
        if not known and listener.pattern.partition(".")[0] in homes:
            yield f"listens to the event {listener.pattern}, which nobody declares{did_you_mean(listener.pattern, events)}"


def _unguarded(own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    """Responders without an operation, and operations whose permission does not exist."""
    permissions = {permission.id for one in declared.values() for permission in one.permissions}
    try:
        endpoints = own.endpoints
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        yield f"has a route that cannot be served: {describe(error, None)}"
        return
    for endpoint in endpoints:
        wanted = endpoint.permission
        if wanted and wanted not in permissions:
            where = f"{endpoint.method} {endpoint.template}"
            yield f"asks for the permission {wanted} at {where}, which nobody declares{did_you_mean(wanted, permissions)}"


def _strange_roles(own: Declarations) -> Iterator[str]:
    """Permissions for roles that no organization is born with, which nobody would ever hold by them."""
    for permission in own.permissions:
        if isinstance(permission.roles, str):
            yield f'gives the permission {permission.id} roles="{permission.roles}"; write roles=("{permission.roles}",)'
            continue
        for role in permission.roles:
            if role not in BUILT_IN:
                advice = did_you_mean(role, BUILT_IN) or f"; built in are {', '.join(BUILT_IN)}"
                yield f"gives the permission {permission.id} to the role {role}, which is not built in{advice}"


def _never_due(own: Declarations) -> Iterator[str]:
    from ..jobs.schedules import previous_due

    for job in own.jobs:
        if job.schedule is not None:
            try:
                previous_due(job, now())
            except StartupError as error:
                yield f"has a job that is never due: {error}"


def _templates(own: Declarations) -> Iterator[str]:
    for resource in own.routes:
        yield from resource.paths.values()


def _root(template: str) -> str:
    return template.removeprefix("/").partition("/")[0]


def _the(owner: str) -> str:
    return "the core" if owner == CORE else f"the plugin {owner}"
