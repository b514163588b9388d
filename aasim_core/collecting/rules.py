"""Rules for declarations: each is named after its plugin, under its own root, and names nothing that nobody declares."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from ..access.roles import BUILT_IN
from ..clock import now
from ..errors import StartupError
from ..plugins.declarations import Declarations
from ..plugins.failures import describe, did_you_mean, place_of
from ..plugins.manifest import CORE
from .clashes import Taken, claims_of, clashes, served
from .event_rules import event_flaws
from .protocol_rules import caller_flaws, protocol_flaws
from .record_rules import record_flaws
from .resource_rules import resource_flaws

if TYPE_CHECKING:
    from ..http.operations import Endpoint

_WORDS = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_FORMS = {"permission": ":<verb>", "event": ".<past tense>", "error code": "_<what>", "job": ".<verb>", "table": "_<singular>"}
_UNSERVABLE = (LookupError, AttributeError, TypeError, ValueError)


def broken_rules(declared: Mapping[str, Declarations], requires: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return, for each plugin in `declared` (by owner, in order, the core first) that breaks a rule, what is wrong."""
    taken = Taken()
    roots = {_root(template): CORE for template in _templates(declared[CORE])}
    roots |= {owner.replace("_", "-"): owner for owner in declared if owner.replace("_", "-") not in roots}
    reasons: dict[str, str] = {}
    for owner, own in declared.items():
        found = list(clashes(owner, own, taken))
        if owner != CORE:
            found += [*_misnamed(owner, own), *_strange_roots(owner, own, roots, (*requires[owner], *taken.owners_of(own)))]
            found += [*event_flaws(owner, own, declared), *_unguarded(own, declared), *_strange_roles(own), *_never_due(own)]
            found += [*_strange_statuses(own), *_strange_reach(own), *_unknown_refusals(own, declared)]
            found += [*record_flaws(owner, own), *resource_flaws(own)]
            found += [*protocol_flaws(owner, own, taken.prefixes), *caller_flaws(served(own))]
            if found:
                reasons[owner] = "; ".join(found)
        elif found:
            raise AssertionError(f"the core contradicts itself: {found}")
    return reasons


def _misnamed(owner: str, own: Declarations) -> Iterator[str]:
    for claim in claims_of(own):
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


def _strange_reach(own: Declarations) -> Iterator[str]:
    """Find operations with a reach that is none: they would be open to holders of the permission at any node."""
    from ..http.operations import Reach

    known = get_args(Reach)
    for endpoint in served(own):
        if endpoint.operation.reach not in (None, *known):
            told = f'has the reach "{endpoint.operation.reach}" at {endpoint.method} {endpoint.template}'
            yield f"{told}; write {', '.join(known)}, or none of them{place_of(type(endpoint.resource))}"


def _unknown_refusals(own: Declarations, declared: Mapping[str, Declarations]) -> Iterator[str]:
    codes = {str(code) for one in declared.values() for code in one.error_codes}
    for endpoint in served(own):
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


def _root(template: str) -> str:
    return template.removeprefix("/").partition("/")[0]
