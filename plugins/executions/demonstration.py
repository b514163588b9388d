"""Running the sample agent once, for ``aasim up --demo``."""

import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING

from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.errors import StartupError
from aasim_core.identity import administrators

from ..agents import service as agents
from . import service, states
from .models import Execution

if TYPE_CHECKING:
    from aasim_core import App

_PATIENCE_SECONDS = 120


def run_sample(app: "App", say: Callable[[str], None]) -> bool:
    """Run the sample agent, and say its answer, usage and time; False where there is no sample."""
    home = administrators.first_home(app)
    if home is None:
        return False
    user_id, organization_id = home
    with organization_scope(organization_id):
        agent = agents.find_sample()
        if agent is None:
            return False
        with app.database.transaction():
            execution = service.start_agent(app, agent, agents.SAMPLE_INPUT, user_id)
        say(f"\n  {agent.name} reads:\n    {agents.SAMPLE_INPUT}")
        _report(_ended(execution.id), say)
    return True


def _ended(execution_id: str) -> Execution:
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, Event()
    while time.monotonic() < deadline:
        execution: Execution = records.find(Execution, execution_id)
        if execution.status in states.TERMINAL:
            return execution
        pause.wait(0.05)
    raise StartupError(f"the sample did not end within {_PATIENCE_SECONDS} s; look at its log", exit_code=75)


def _report(execution: Execution, say: Callable[[str], None]) -> None:
    if execution.status != states.SUCCEEDED or execution.started_at is None or execution.finished_at is None:
        raise StartupError(f"the sample {execution.status}: {(execution.error or {}).get('message', '')}", exit_code=69)
    seconds = (execution.finished_at - execution.started_at).total_seconds()
    say(f"  and answers:\n    {execution.output}\n")
    say(f"  {execution.input_tokens} tokens read, {execution.output_tokens} written, in {seconds:.1f} s.")
