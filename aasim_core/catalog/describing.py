"""Describe one plugin, by its manifest and parts, for the API and the command line."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from inspect import formatannotation
from typing import TYPE_CHECKING, Any

from ..access.permissions import Permission
from ..jobs.declarations import Job
from ..plugins.declarations import Declarations
from ..plugins.loading.hook_manager import hooks_offered_by
from ..plugins.registry import Found
from ..settings.fields import default_of
from ..settings.rendering import literal
from .event_types import described as event_described
from .grades.grading import GRADES_OF
from .parts import parts_of

if TYPE_CHECKING:
    from ..app import App

_SHOWN = (
    "name", "title", "summary", "version", "origin", "state", "essential", "operators_only", "requires", "uses",
)  # fmt: skip


def outlined(app: "App", plugin: Found) -> dict[str, Any]:
    """The plugin as a list shows it."""
    report = app.stash.of(GRADES_OF).of(plugin.name)
    shown = {name: getattr(plugin, name) for name in _SHOWN}
    return {**shown, "provides": asdict(plugin.provides), "grade": report and report.grade}


def described(app: "App", plugin: Found) -> dict[str, Any]:
    """The same, with all that is known of it; of one that is not on, only what its manifest says. It holds no values of settings."""
    report = app.stash.of(GRADES_OF).of(plugin.name)
    declared = app.declared.get(plugin.name, Declarations(owner=plugin.name))
    return {
        **outlined(app, plugin),
        "api": plugin.api,
        "permissions": [_permission(each) for each in declared.permissions],
        "settings": _settings(app.plugins.schemas.get(plugin.name)),
        "events": [event_described(event) for event in declared.events],
        "jobs": [_job(each) for each in declared.jobs],
        "operations": len(declared.endpoints),
        "hooks_offered": sorted(hooks_offered_by(app.plugins, plugin.name)),
        "hooks_implemented": sorted(declared.hooks),
        "misses": [asdict(miss) for miss in report.misses] if report else [],
        "parts": [asdict(part) for part in parts_of(declared)],
    }


def _permission(permission: Permission) -> dict[str, Any]:
    return {**asdict(permission), "roles": list(permission.roles)}


def _job(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "schedule": job.schedule,
        "time_limit_seconds": job.time_limit,
        "max_attempts": job.retry.max_attempts,
    }


def _settings(section: type[Any] | None) -> list[Mapping[str, Any]]:
    """The settings of the section, with their defaults as TOML writes them; never with what the operator has written."""
    return [
        {
            "name": declared.name,
            "type": formatannotation(declared.type).strip("'"),
            "help": declared.metadata["help"],
            "default_value": None if declared.metadata["secret"] else literal(default_of(declared)),
            "is_secret": declared.metadata["secret"],
        }
        for declared in (fields(section) if section else ())
    ]
