"""Requests and responses of organizations."""

import copy
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from aasim_core.schemas.fields import Choice, Id, Instant, Integer, Object, Slug, Text, Timezone
from aasim_core.schemas.schema import Schema

Settings = Mapping[str, Mapping[str, fields.Field]]  # type: ignore[type-arg]


class OrganizationIn(Schema):
    """An organization in a request."""

    name = Text(1, 120, required=True, example="Acme")
    slug = Slug(description="Unique on this installation; derived from the name by default.")
    timezone = Timezone(load_default="UTC", example="Europe/Vienna")


class OrganizationOut(Schema):
    """An organization in a response."""

    id = Id("organization", required=True)
    version = Integer(required=True, description="Counts every change, for If-Match.")
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    name = Text(required=True)
    slug = Text(required=True)
    status = Choice("active", "suspended", "closing", required=True, description="Closing means deleted, and can be restored.")
    timezone = Text(required=True)
    plan = Text(required=True, example="community")
    halted_at = Instant(required=True, allow_none=True, description="Since when it is halted.")
    delete_at = Instant(required=True, allow_none=True, description="Until when a closing one can be restored.")


def with_settings(schema: type[Schema], settings: Settings, *, written: bool) -> Schema:
    """Return the schema with the organization's settings, an object for each plugin that has any."""
    direction = "In" if written else "Out"
    defaults = {plugin: {name: field.load_default for name, field in declared.items()} for plugin, declared in settings.items()}
    plugins = {
        plugin: _object(f"{plugin.title().replace('_', '')}Settings{direction}", dict(declared), written and defaults[plugin])
        for plugin, declared in settings.items()
    }
    whole = _object(f"OrganizationSettings{direction}", plugins, written and defaults)
    made: Schema = type(schema.__name__, (schema,), {"settings": whole, "__doc__": schema.__doc__, "__module__": __name__})()
    return made


def _object(name: str, declared: Mapping[str, Any], default: Any) -> Object:
    """Return an object of the declared fields; omitted ones have their defaults."""
    presence = {"required": True} if default is False else {"load_default": lambda: copy.deepcopy(default)}
    return Object(type(name, (Schema,), {**declared, "__module__": __name__}), **presence)
