"""The sample agent: extraction is what the embedded model does well."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aasim_core.context import organization_scope

from ..agents import service
from ..agents.models import Agent

if TYPE_CHECKING:
    from aasim_core import App
    from aasim_core.tenancy.principal import Principal

#: At temperature 0 it answers the same each time.
SAMPLE: Mapping[str, Any] = {
    "name": "Message reader (sample)",
    "description": "Finds name, city and order number in a customer's message; it runs on the embedded model.",
    "instructions": "Extract name, city and order number as JSON.",
    "output_schema": {
        "type": "object",
        "required": ["name", "city", "order_number"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "maxLength": 40},
            "city": {"type": "string", "maxLength": 40},
            "order_number": {"type": "integer"},
        },
    },
    "parameters": {"temperature": 0, "max_output_tokens": 60},
    "tags": ["sample"],
}


def ensure(app: "App", administrator: "Principal") -> None:
    """Create the sample agent in the administrator's organization, unless that had an agent before."""
    with organization_scope(administrator.organization_id):
        if not Agent.select(Agent.id).exists():
            with app.database.transaction():
                service.create(dict(SAMPLE), administrator.user_id)
