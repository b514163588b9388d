"""The record of an engine: a model that agents run on."""

from typing import Any

import peewee

from aasim_core.data.fields import JsonField, SealedField
from aasim_core.data.records import TenantRecord

from .chat import Capabilities

ACTIVE, DISABLED = "active", "disabled"


class Engine(TenantRecord):
    """An engine of an organization.

    `built_in_of` names the provider that brought it, for one that nobody configured. `prices` are rows of
    micro-units a million tokens, each valid from a day on.
    """

    name = peewee.TextField()
    provider = peewee.TextField()
    model = peewee.TextField()
    base_url = peewee.TextField(null=True)
    api_key = SealedField(null=True)
    kind = peewee.TextField(default="chat")
    status = peewee.TextField(default=ACTIVE)
    capabilities = JsonField()
    context_tokens = peewee.BigIntegerField(null=True)
    default_parameters = JsonField(default=dict)
    prices = JsonField(default=list)
    fallback_engine_ids = JsonField(default=list)
    health = JsonField(null=True)
    built_in_of = peewee.TextField(null=True)

    class Meta:
        table_name = "engines_engine"
        id_prefix = "engine"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name"), True),
            (("organization_id", "built_in_of"), True),
        )

    @property
    def can(self) -> Capabilities:
        """What the engine can do."""
        known: dict[str, Any] = self.capabilities
        return Capabilities(**known)
