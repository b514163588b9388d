"""Settings per organization, declared by plugins and stored with the organization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import fields, missing

from ..data.records import find
from .records import Organization


@dataclass(frozen=True)
class OrganizationSetting:
    """One setting of an organization: its name within the plugin, and a strict field with a ``load_default``."""

    name: str
    field: fields.Field[Any]


class OrganizationSettings:
    """The organization settings of all enabled plugins, by plugin; `declared` is complete before the first request."""

    def __init__(self, declared: Mapping[str, Sequence[OrganizationSetting]]) -> None:
        self.fields: Mapping[str, Mapping[str, fields.Field[Any]]] = {
            plugin: {setting.name: setting.field for setting in settings} for plugin, settings in declared.items() if settings
        }

    def of(self, organization_id: str, plugin: str) -> Mapping[str, Any]:
        """Return the organization's settings for the plugin, with defaults for unset ones; one read."""
        organization: Organization = find(Organization, organization_id)
        return self.settled(organization.settings, plugin)

    def settled(self, kept: Mapping[str, Any], plugin: str) -> dict[str, Any]:
        """Return every setting of the plugin: its stored value, or its default."""
        own = kept.get(plugin, {})
        return {name: own[name] if name in own else _default(field) for name, field in self.fields[plugin].items()}

    def completed(self, kept: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the same for every enabled plugin."""
        return {plugin: self.settled(kept, plugin) for plugin in self.fields}


def _default(field: fields.Field[Any]) -> Any:
    default = field.load_default
    if default is missing:
        raise LookupError(f"the organization's setting {field} has no load_default; give it one")
    return default() if callable(default) else default
