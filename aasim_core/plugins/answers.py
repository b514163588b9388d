"""Whether what a hook returned is what it should have returned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from marshmallow import missing

from ..access.organization_settings import OrganizationSetting
from ..access.permissions import Permission
from ..events.declarations import Event, Listener
from ..jobs.declarations import Job

Test = Callable[[Any], bool]


def flaw_of(hook: str, answer: Any) -> str | None:
    """What is wrong with the answer to a hook of the core that returns declarations, or None."""
    return _flaw(hook, answer, *_EXPECTED[hook])


def flaw_of_offers(hook: str, kind: type[Any], answer: Any) -> str | None:
    """What is wrong with the answer to a hook that a plugin offers, which is asked at start for a list of this dataclass."""
    return _flaw(
        hook, answer, f"{kind.__name__}(…) with a name", lambda value: isinstance(value, kind) and isinstance(name_of(value), str)
    )


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
    """What an offer is called by: its first field."""
    return getattr(offer, fields(offer)[0].name)


def _is_listener(value: Any) -> bool:
    return isinstance(value, Listener) and value.moment in ("before_commit", "after_commit")


def _is_resource(value: Any) -> bool:
    return not isinstance(value, type) and isinstance(getattr(value, "paths", None), Mapping)


def _is_record(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "_meta")


def _is_check(value: Any) -> bool:
    return isinstance(getattr(value, "name", None), str)


def _is_command(value: Any) -> bool:
    import click

    return isinstance(value, click.Command)


def _is_organization_setting(value: Any) -> bool:
    return isinstance(value, OrganizationSetting) and value.field.load_default is not missing


_EXPECTED: Mapping[str, tuple[str, Test]] = {
    "permissions": ("Permission(…)", lambda value: isinstance(value, Permission)),
    "events": ("Event(…)", lambda value: isinstance(value, Event)),
    "listeners": ("Listener(…), whose moment is before_commit or after_commit", _is_listener),
    "jobs": ("Job(…)", lambda value: isinstance(value, Job)),
    "routes": ("resources with `paths`, made: Things() and not Things", _is_resource),
    "models": ("classes of records", _is_record),
    "health": ("Check(…)", _is_check),
    "commands": ("click commands", _is_command),
    "organization_settings": ("OrganizationSetting(…), whose field has a load_default", _is_organization_setting),
}
