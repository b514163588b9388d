"""The record of an engine call."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField

#: The call has a reply; it ended without one, and took something; or the row corrects another one.
OUTCOMES = ANSWERED, UNFINISHED, CORRECTION = ("answered", "unfinished", "correction")


class EngineCall(TenantRecord):
    """The usage of one engine call, written once at its end. The ids identify on whose behalf, see `Payer`.

    `cost` is in micro-units of `currency`; both are None where no price was known when the call ended. `is_estimated` means that the
    provider did not count the tokens. A row with `corrects_id` holds the difference to that call's previous rows, so its numbers may be
    negative: the sum over all rows is the usage.
    """

    engine_id = IdField()
    model = peewee.TextField()
    outcome = peewee.TextField()
    input_tokens = peewee.BigIntegerField(default=0)
    output_tokens = peewee.BigIntegerField(default=0)
    cache_read_tokens = peewee.BigIntegerField(default=0)
    cache_write_tokens = peewee.BigIntegerField(default=0)
    is_estimated = peewee.BooleanField(default=False)
    cost = peewee.BigIntegerField(null=True)
    currency = peewee.TextField(null=True)
    price_source = peewee.TextField(null=True)
    execution_id = IdField(null=True)
    step = peewee.BigIntegerField(null=True)
    path = peewee.TextField(null=True)
    agent_id = IdField(null=True)
    project_id = IdField(null=True)
    api_key_id = IdField(null=True)
    initiator_id = IdField(null=True)
    corrects_id = IdField(null=True)
    reason = peewee.TextField(null=True)

    class Meta:
        table_name = "engines_call"
        id_prefix = "enginecall"
        label = "model"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "execution_id", "step"), False),
            peewee.Index(
                "engines_call_corrects",
                "engines_call",
                [peewee.SQL("organization_id, corrects_id")],
                where=peewee.SQL("corrects_id IS NOT NULL"),
            ),
        )
