"""The sample agent of a new installation, which ``aasim up --demo`` runs once on the embedded model."""

import json
import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING

from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.errors import StartupError
from aasim_core.identity import administrators

from ..executions import service as executions
from ..executions.models import Execution
from . import service
from .models import Agent

if TYPE_CHECKING:
    from aasim_core import App

#: What the sample agent is shown with.
SAMPLE_INPUT = "My name is Grace Hopper. I live in Boston. My order number is 4711, and the lamp is broken."
#: Extraction is what the embedded model does well. At temperature 0 it answers the same each time.
_SAMPLE = {
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
_PATIENCE_SECONDS = 120


def ensure(app: "App") -> None:
    """Create the sample agent in the first administrator's organization, unless that had an agent before."""
    home = administrators.first_home(app.database)
    if home is None:
        return
    user_id, organization_id = home
    with organization_scope(organization_id):
        if not Agent.select(Agent.id).exists():
            with app.database.transaction():
                ensure_sample(user_id)


def ensure_sample(owner_id: str) -> Agent:
    """The sample agent of the organization in scope; created where it is missing."""
    found: Agent | None = Agent.get_or_none((Agent.name == _SAMPLE["name"]) & Agent.deleted_at.is_null())
    return found or service.create(_SAMPLE, owner_id)


def run_sample(app: "App", say: Callable[[str], None]) -> bool:
    """Run the sample agent, and say its answer, usage and time; False where there is no administrator."""
    home = administrators.first_home(app.database)
    if home is None:
        return False
    user_id, organization_id = home
    with organization_scope(organization_id):
        with app.database.transaction():
            agent = ensure_sample(user_id)
            execution = service.start(app, agent, SAMPLE_INPUT, user_id)
        say(f"\n  {agent.name} reads:\n    {SAMPLE_INPUT}")
        _report(_ended(execution.id), say)
    return True


def _ended(execution_id: str) -> Execution:
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, Event()
    while time.monotonic() < deadline:
        execution: Execution = records.find(Execution, execution_id)
        if executions.is_over(execution.status):
            return execution
        pause.wait(0.05)
    raise StartupError(f"the sample did not end within {_PATIENCE_SECONDS} s; look at its log", exit_code=75)


def _report(execution: Execution, say: Callable[[str], None]) -> None:
    if execution.status != "succeeded" or execution.started_at is None or execution.finished_at is None:
        raise StartupError(f"the sample {execution.status}: {(execution.error or {}).get('message', '')}", exit_code=69)
    seconds = (execution.finished_at - execution.started_at).total_seconds()
    say(f"  and answers:\n    {json.dumps(execution.output, ensure_ascii=False)}\n")
    say(f"  {execution.input_tokens} tokens read, {execution.output_tokens} written, in {seconds:.1f} s.")
