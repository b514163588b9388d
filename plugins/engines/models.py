"""The records of engines: the models that agents run on, and the running calls of limited ones."""

from typing import Any

import peewee

from aasim_core.data.fields import IdField, InstantField, JsonField, SealedField
from aasim_core.data.records import Row, TenantRecord

from .chat import Capabilities

ACTIVE, DEGRADED, DISABLED = "active", "degraded", "disabled"
#: Agents may use it; a degraded one is tried only occasionally.
USABLE = (ACTIVE, DEGRADED)


def no_limits() -> dict[str, int | None]:
    """Every limit, and that it is none."""
    return {"rpm": None, "tpm": None, "concurrency": None}


class Engine(TenantRecord):
    """An engine of an organization.

    `built_in_of` names the provider of a built-in one. `prices` are rows in micro-units per million tokens, each valid from a day on.
    `limits` are calls and tokens per minute, and concurrent calls; None is no limit.
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
    limits = JsonField(default=no_limits)
    prices = JsonField(default=list)
    fallback_engine_ids = JsonField(default=list)
    health = JsonField(null=True)
    halted_at = InstantField(null=True)
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


class EngineUse(Row):
    """The running calls of an engine with limits; times are in seconds since 1970.

    `slices` count the calls and tokens of the last minute (see `pace`), `running` has the end of each running call's lease.
    `seconds` is how long calls take, and `next_look` when the last one of those who wait looks again.
    """

    organization_id = IdField()
    engine_id = IdField()
    slices = JsonField(default=list)
    running = JsonField(default=dict)
    seconds = peewee.DoubleField(default=0)
    next_look = peewee.DoubleField(default=0)

    class Meta:
        table_name = "engines_use"
        internal = True
        primary_key = peewee.CompositeKey("organization_id", "engine_id")
