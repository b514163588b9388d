"""The sample agent of a new installation: something that the embedded model does well."""

from typing import TYPE_CHECKING

from aasim_core.context import organization_scope
from aasim_core.identity import administrators

from . import service
from .models import Agent

if TYPE_CHECKING:
    from aasim_core import App

#: A model this small needs one example and a single plain request.
INSTRUCTIONS = """You summarize texts. Example:
Text: The museum is closed on Monday because the roof is being repaired. It opens again on Tuesday at ten.
Summary: The museum is closed on Monday for roof repairs.

Now summarize this text in one sentence:"""


def ensure(app: "App") -> None:
    """Make the sample agent in the first administrator's organization, unless that had an agent before."""
    home = administrators.first_home(app)
    if home is None:
        return
    user_id, organization_id = home
    with organization_scope(organization_id):
        if not Agent.select(Agent.id).exists():
            with app.database.transaction():
                service.create(
                    {
                        "name": service.SAMPLE_NAME,
                        "description": "Says in one sentence what a text says; it runs on the embedded model.",
                        "instructions": INSTRUCTIONS,
                        "parameters": {"temperature": 0, "max_output_tokens": 60},
                        "tags": ["sample"],
                    },
                    user_id,
                )
