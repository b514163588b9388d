"""Validate the return values of hooks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from marshmallow import missing

from ..access.permissions import Permission
from ..error_codes import ErrorCode
from ..events.declarations import Event, Listener
from ..jobs.declarations import Job
from ..plugins.field_types import flaw_of_fields
from ..spans import SpanReceiver
from ..tenancy.organization_settings import OrganizationSetting

Test = Callable[[Any], bool]


def flaw_of(hook: str, answer: Any) -> str | None:
    """Return what is wrong with the result of a core hook that returns declarations, or None."""
    return _flaw(hook, answer, *_EXPECTED[hook])


def flaw_of_offers(hook: str, kind: type[Any], answer: Any) -> str | None:
    """Return what is wrong with the result of a plugin's own hook, which is called at start and returns a list of this dataclass."""
    return _flaw(
        hook, answer, f"{kind.__name__}(…) with a name", lambda value: isinstance(value, kind) and isinstance(name_of(value), str)
    )


def wrong_types(hook: str, values: Iterable[Any]) -> list[str]:
    """Return a phrase for each of the dataclasses `values` that has a field of another type than declared."""
    return [
        f"gives {_named(value)} in its hook {hook}, whose {flaw}"
        for value in values
        if is_dataclass(value) and (flaw := flaw_of_fields(value))
    ]


def _named(value: Any) -> str:
    name = name_of(value)
    return f'{type(value).__name__}("{name}", …)' if isinstance(name, str) else f"{type(value).__name__}(…)"


def _flaw(hook: str, answer: Any, wanted: str, fits: Test) -> str | None:
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        return f"gives {_shown(answer)} in its hook {hook}, which must return a list of {wanted}"
    for value in answer:
        if not fits(value):
            return f"gives {_shown(value)} in its hook {hook}, which must return {wanted} only"
    return None


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"the class {value.__name__}" if isinstance(value, type) else f"a value of type {type(value).__name__}"


def name_of(offer: Any) -> Any:
    """Return the name of an offer: its first field."""
    return getattr(offer, fields(offer)[0].name)


def _is_event(value: Any) -> bool:
    from ..schemas.scalars import Strict

    if not isinstance(value, Event) or value.data is None:
        return isinstance(value, Event) and value.name.endswith(".*")
    return isinstance(value.data, Mapping) and all(isinstance(f, Strict) for f in value.data.values())


def _is_listener(value: Any) -> bool:
    if not isinstance(value, Listener):
        return False
    return value.moment == "after_commit" or (value.moment in ("when_emitted", "before_commit") and value.wanted is None)


def _is_resource(value: Any) -> bool:
    from ..http.operations import Resource
    from ..http.protocols import Protocol

    if not isinstance(getattr(value, "protocol", Resource.protocol), Protocol):
        return False
    paths = None if isinstance(value, type) else getattr(value, "paths", None)
    return isinstance(paths, Mapping) and all(isinstance(template, str) for template in paths.values())


def _is_record(value: Any) -> bool:
    from ..data.records import Row

    return isinstance(value, type) and issubclass(value, Row)


def _is_check(value: Any) -> bool:
    return isinstance(getattr(value, "name", None), str)


def _is_command(value: Any) -> bool:
    import click

    return isinstance(value, click.Command)


def _is_organization_setting(value: Any) -> bool:
    return isinstance(value, OrganizationSetting) and value.field.load_default is not missing


_EXPECTED: Mapping[str, tuple[str, Test]] = {
    "permissions": ("Permission(…)", lambda value: isinstance(value, Permission)),
    "events": ("Event(…), whose data are fields of aasim_core.schemas.fields by name,", _is_event),
    "error_codes": ("ErrorCode(…)", lambda value: isinstance(value, ErrorCode)),
    "listeners": (
        "Listener(…), whose moment is when_emitted, before_commit or after_commit, the last where it has `wanted`,",
        _is_listener,
    ),
    "jobs": ("Job(…)", lambda value: isinstance(value, Job)),
    "routes": ("resources with `paths`, made: Things() and not Things", _is_resource),
    "models": ("classes of records, derived from TenantRecord, Record or Row,", _is_record),
    "health": ("Check(…)", _is_check),
    "commands": ("click commands", _is_command),
    "span_receivers": ("SpanReceiver(…)", lambda value: isinstance(value, SpanReceiver)),
    "organization_settings": ("OrganizationSetting(…), whose field has a load_default", _is_organization_setting),
}
