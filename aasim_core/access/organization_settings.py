"""What each organization may settle for itself: settings that plugins declare, kept with the organization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, missing

from ..data.records import find
from .records import Organization


@dataclass(frozen=True)
class OrganizationSetting:
    """One thing that an organization's owner can settle: its name within the plugin, and a strict field with a ``load_default``."""

    name: str
    field: fields.Field[Any]


class OrganizationSettings:
    """The settings of all plugins that are on, by plugin; `declared` is complete before the first request."""

    def __init__(self, declared: Mapping[str, Sequence[OrganizationSetting]]) -> None:
        self.fields: Mapping[str, Mapping[str, fields.Field[Any]]] = {
            plugin: {setting.name: setting.field for setting in settings} for plugin, settings in declared.items() if settings
        }

    def of(self, organization_id: str, plugin: str) -> Mapping[str, Any]:
        """What the organization has settled for the plugin, with the defaults of what it has not; one read."""
        organization: Organization = find(Organization, organization_id)
        return self.completed(organization.settings)[plugin]

    def completed(self, kept: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Every setting of every plugin that is on: as it was kept, or else its default."""
        return {
            plugin: {name: kept.get(plugin, {}).get(name, _default(field)) for name, field in fields_.items()}
            for plugin, fields_ in self.fields.items()
        }


def _default(field: fields.Field[Any]) -> Any:
    default = field.load_default
    if default is missing:
        raise LookupError(f"the organization's setting {field} has no load_default; give it one")
    return default() if callable(default) else default
